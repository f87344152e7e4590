# generate.awk: the grammar of the small corpus.
#
# In: the word lists beside it, as files on the command line; -v seed=, -v train= and -v test= (how many pairs of each).
# Out: one line per pair, in the order of drawing:  train|test <TAB> Japanese <TAB> English
#
#   verbs.tsv 読み read + nouns.tsv 本 book + people.tsv トム Tom + times.tsv 昨日 yesterday
#     -> train  昨日トムは本を読みました。  Tom read a book yesterday.
#
# The English is decided by the Japanese alone: a bare countable noun takes "a" as an object and "the" as a topic, a mass
# noun takes no article, the plain present is "will" beside a word for the future, and no pronoun is ever dropped.
# Held out: one in HOLD of all pairs of two content words that meet in a sentence (verb and object, adjective and noun,
# place and thing, destination and vehicle). A sentence with a held-out pair goes to the test set, never to the training set, so
# every combination that makes a sentence a test sentence is new while each of its words is known.
# Bytes alone are compared and joined: any POSIX awk gives the same output under LC_ALL=C.

BEGIN { FS = "\t"; HOLD = 11 }

FNR == 1 { file = FILENAME; sub(/.*\//, "", file); sub(/\.tsv$/, "", file) }
/^#/ || NF == 0 { next }
{
    n = ++size[file]
    for (i = 1; i <= NF; i++) word[file, n, i] = $i
}

# Park and Miller's generator (1988): exact in double arithmetic.
function below(n) { state = (state * 16807) % 2147483647; return int(state / 2147483647 * n) }
function chance(percent) { return below(100) < percent }
function draw(list) { return 1 + below(size[list]) }
function upper(text) { return toupper(substr(text, 1, 1)) substr(text, 2) }
function has(classes, class) { return index(" " classes " ", " " class " ") > 0 }
function shares(these, those,    part, count, i) {
    count = split(these, part, " ")
    for (i = 1; i <= count; i++) if (has(those, part[i])) return 1
    return 0
}

# Notes that words a and b of two lists meet; sets `held` where they are held out.
function meet(list, a, b) { if ((5 * a + 3 * b + length(list)) % HOLD == 0) held = 1 }

# A noun that a verb (or giving verb) takes; an adjective that is said of a noun.
function object_of(list, verb,    n) {
    do n = draw("nouns"); while (!shares(word[list, verb, 10], word["nouns", n, 6]))
    meet(list, verb, n)
    return n
}
function adjective_for(classes, n, list,    a) {
    do a = draw("adjectives"); while (!shares(word["adjectives", a, 5], classes))
    meet("adjectives " list, a, n)
    return a
}
function noun_adjective(n) { return adjective_for(word["nouns", n, 6], n, "nouns") }
function described(n,    a) {
    for (a = 1; a <= size["adjectives"]; a++) if (shares(word["adjectives", a, 5], word["nouns", n, 6])) return 1
    return 0
}

function attributive(a) { return word["adjectives", a, 2] (word["adjectives", a, 1] == "i" ? "い" : "な") }
function a_or_an(text) { return (text ~ /^[aeiou]/ && text !~ /^us/ ? "an " : "a ") text }

# A noun phrase: sets np_ja and np_en. As a topic a bare countable noun is "the …", as an object "a …".
function noun_phrase(n, topic,    a, mass) {
    np_ja = word["nouns", n, 1]; np_en = word["nouns", n, 2]
    mass = word["nouns", n, 5] == "m"
    if (described(n) && chance(25)) {
        a = noun_adjective(n)
        np_ja = attributive(a) np_ja
        np_en = word["adjectives", a, 3] " " np_en
    }
    if (chance(35) && !has(word["nouns", n, 6], "study")) determine()
    else if (topic && !mass) np_en = "the " np_en
    else if (!mass) np_en = a_or_an(np_en)
}
function determine(    d, p) {
    d = below(10)
    if (d < 3) { np_ja = "この" np_ja; np_en = "this " np_en }
    else if (d < 5) { np_ja = "その" np_ja; np_en = "that " np_en }
    else if (d < 6) { np_ja = "あの" np_ja; np_en = "that " np_en }
    else { p = draw("people"); np_ja = word["people", p, 1] "の" np_ja; np_en = word["people", p, 4] " " np_en }
}

# A person as the subject: sets who_ja, who_en, who (1 2 3 p).
function subject(    p) {
    p = draw("people")
    who_ja = word["people", p, 1]; who_en = word["people", p, 2]; who = word["people", p, 5]
    return p
}
function third() { return who == "3" }
function be(past) { return past ? (who == "1" || who == "3" ? "was" : "were") : who == "1" ? "am" : who == "3" ? "is" : "are" }

# Time and place around an action: sets time_ja, time_en, tense; place_ja, place_en; "" where there is none.
function some_time(percent, only,    t) {
    time_ja = time_en = ""; tense = only != "" ? only : chance(50) ? "past" : "present"
    if (!chance(percent)) return
    do t = draw("times"); while (only != "" && word["times", t, 3] != only)
    time_ja = word["times", t, 1]; time_en = " " word["times", t, 2]; tense = word["times", t, 3]
}
function some_place(percent,    p) {
    place_ja = place_en = ""
    if (!chance(percent)) return
    p = draw("places"); place_ja = word["places", p, 1] "で"; place_en = " " word["places", p, 3]
}
function some_hour(percent,    n) {
    hour_ja = hour_en = ""
    if (!chance(percent)) return
    n = draw("numbers"); hour_ja = word["numbers", n, 1] "時に"; hour_en = " at " word["numbers", n, 2] " o'clock"
}
# Who and when, in either order.
function opening(particle) { return chance(50) ? time_ja who_ja particle : who_ja particle time_ja }

# How the verb is said: sets verb_ja (the ending included) and, around "S … V", before_en (what stands before the subject
# in a question), after_en (between subject and verb's end), for row v of a list of verbs.
function say_verb(list, v, mood, no, ask,    stem, te, dict, nai, base, one, past, ing) {
    stem = word[list, v, 1]; te = word[list, v, 2]; dict = word[list, v, 4]; nai = word[list, v, 5]
    base = word[list, v, 6]; one = word[list, v, 7]; past = word[list, v, 8]; ing = word[list, v, 9]
    if (mood == "going") {
        verb_ja = te (no ? (tense == "past" ? "いませんでした" : "いません") : tense == "past" ? "いました" : "います")
        auxiliary(be(tense == "past"), ing, no, ask)
    } else if (mood == "wish") {
        verb_ja = stem (no ? "たくないです" : "たいです")
        if (no || ask) auxiliary("do", "want to " base, no, ask); else plain("want to " base)
    } else if (mood == "can") {
        verb_ja = dict "ことができ" (no ? "ません" : "ます")
        auxiliary("can", base, no, ask)
    } else if (mood == "must") {
        verb_ja = nai "なければなりません"
        plain("must " base)
    } else {
        verb_ja = stem (tense == "past" ? (no ? "ませんでした" : "ました") : no ? "ません" : "ます")
        if (tense == "future") auxiliary("will", base, no, ask)
        else if (no || ask) auxiliary(tense == "past" ? "did" : third() ? "does" : "do", base, no, ask)
        else plain(tense == "past" ? past : third() ? one : base)
    }
    if (ask) verb_ja = verb_ja "か"
}
function plain(verb) { before_en = ""; after_en = " " verb }
function auxiliary(word1, verb, no, ask) {
    before_en = ask ? word1 " " : ""
    after_en = (ask ? "" : " " word1) (no ? " not" : "") " " verb
    sub(/ can not/, " cannot", after_en)
}
function finish(ask, japanese, english) {
    JA = japanese "。"
    EN = upper(english) (ask ? "?" : ".")
}

# ---- the patterns ----

function action(    v, n, mood, no, ask, m) {
    subject(); v = draw("verbs"); n = object_of("verbs", v)
    m = below(100)
    mood = m < 62 ? "plain" : m < 78 ? "going" : m < 86 ? "can" : m < 92 ? "must" : "wish"
    no = chance(22); ask = !no && chance(20)
    some_place(40)
    if (mood == "going") { some_time(0); tense = chance(65) ? "present" : "past" }
    else if (mood == "plain") some_time(60)
    else { some_time(0); tense = "present" }
    if (mood == "going" && tense == "present" && chance(50)) { time_ja = "今"; time_en = " now" }
    if (mood == "must") ask = no = 0
    if (mood == "wish") {
        who_ja = ask ? "あなた" : "私"; who_en = ask ? "you" : "I"; who = ask ? "2" : "1"
    }
    say_verb("verbs", v, mood, no, ask)
    noun_phrase(n, 0)
    some_hour(time_ja != "" && time_ja != "今" && time_ja !~ /週|年/ ? 20 : 0)
    finish(ask, opening("は") hour_ja place_ja np_ja "を" verb_ja,
           before_en who_en after_en " " np_en place_en hour_en time_en)
}

function request(    v, n, no) {
    v = draw("verbs"); n = object_of("verbs", v); no = chance(40)
    noun_phrase(n, 0); some_place(35)
    finish(0, place_ja np_ja "を" (no ? word["verbs", v, 5] "ないでください" : word["verbs", v, 2] "ください"),
           "please " (no ? "do not " : "") word["verbs", v, 6] " " np_en place_en)
}

function counted(    v, n, k, a, ja, en) {
    subject()
    do { held = 0; v = draw("verbs"); n = object_of("verbs", v) } while (word["nouns", n, 4] == "-")
    k = draw("numbers"); some_time(50); some_place(25)
    ja = word["nouns", n, 1]; en = word["nouns", n, 3]
    if (word["nouns", n, 5] == "c" && chance(25)) {
        a = noun_adjective(n); ja = attributive(a) ja; en = word["adjectives", a, 3] " " en
    }
    say_verb("verbs", v, "plain", 0, 0)
    finish(0, opening("は") place_ja ja "を" word["numbers", k, 1] word["nouns", n, 4] verb_ja,
           who_en after_en " " word["numbers", k, 2] " " en place_en time_en)
}

# "… is adj": sets who, so that the form of "to be" follows.
function is_adjective(a, no, ask, past,    ja) {
    if (word["adjectives", a, 1] == "i") ja = no ? (past ? "くなかったです" : "くないです") : past ? "かったです" : "いです"
    else ja = no ? (past ? "ではありませんでした" : "ではありません") : past ? "でした" : "です"
    verb_ja = word["adjectives", a, 2] ja (ask ? "か" : "")
    before_en = ask ? be(past) " " : ""
    after_en = (ask ? "" : " " be(past)) (no ? " not" : "")
}
# A topic that adjectives are said of: sets who_ja, who_en, who and returns an adjective for it.
function topic_adjective(    kind, n) {
    kind = below(10)
    if (kind < 2) { n = subject(); return adjective_for("person", n, "people") }
    if (kind < 4) {
        n = draw("places"); who_ja = word["places", n, 1]; who_en = word["places", n, 2]; who = "3"
        return adjective_for("place", n, "places")
    }
    do n = draw("nouns"); while (!described(n))
    noun_phrase(n, 1); who_ja = np_ja; who_en = np_en; who = "3"
    return noun_adjective(n)
}
function quality(    a, no, ask, past, very) {
    a = topic_adjective(); no = chance(25); ask = !no && chance(20); past = chance(35)
    very = !no && chance(25)
    is_adjective(a, no, ask, past)
    finish(ask, who_ja "は" (very ? "とても" : "") verb_ja,
           before_en who_en after_en (very ? " very" : "") " " word["adjectives", a, 3])
}

function compared() {
    do { held = 0; compare() } while (word["adjectives", compared_by, 4] == "-")
}
function compare(    a, n, m, kind, left_ja, left_en, right_ja, right_en, ask) {
    kind = below(3); ask = chance(20); n = 0
    if (kind == 0) {
        n = subject(); left_ja = who_ja; left_en = who_en
        do m = draw("people"); while (m == n)
        right_ja = word["people", m, 1]; right_en = word["people", m, 3]
        a = adjective_for("person", n, "people"); meet("adjectives people", a, m)
    } else if (kind == 1) {
        n = draw("places"); who = "3"; left_ja = word["places", n, 1]; left_en = word["places", n, 2]
        do m = draw("places"); while (m == n)
        right_ja = word["places", m, 1]; right_en = word["places", m, 2]
        a = adjective_for("place", n, "places"); meet("adjectives places", a, m)
    } else {
        do n = draw("nouns"); while (!described(n) || has(word["nouns", n, 6], "study"))
        a = noun_adjective(n); who = "3"
        do m = draw("nouns"); while (!shares(word["adjectives", a, 5], word["nouns", m, 6]) || has(word["nouns", m, 6], "study"))
        meet("adjectives nouns", a, m)
        left_ja = "この" word["nouns", n, 1]; left_en = "this " word["nouns", n, 2]
        right_ja = "その" word["nouns", m, 1]; right_en = "that " word["nouns", m, 2]
    }
    compared_by = a
    is_adjective(a, 0, ask, 0)
    finish(ask, left_ja "は" right_ja "より" verb_ja, before_en left_en after_en " " word["adjectives", a, 4] " than " right_en)
}

function alive(n) { return has(word["nouns", n, 6], "animal") }
# A thing that can lie or be somewhere, and a spot for it.
function thing_at_spot(spot,    n) {
    do n = draw("nouns"); while (word["nouns", n, 4] == "-" || word["nouns", n, 5] == "m")
    meet("spots", spot, n)
    return n
}
function existence(n, no, past, ask) {
    return (alive(n) ? "い" : "あり") (no ? (past ? "ませんでした" : "ません") : past ? "ました" : "ます") (ask ? "か" : "")
}
function found(    s, n, k, no, past, ask, b, ja, en) {
    s = draw("spots"); n = thing_at_spot(s); past = chance(35)
    if (chance(50)) {
        k = draw("numbers")
        finish(0, word["spots", s, 1] "に" word["nouns", n, 1] "が" word["numbers", k, 1] word["nouns", n, 4] existence(n, 0, past, 0),
               "there " (past ? "were " : "are ") word["numbers", k, 2] " " word["nouns", n, 3] " " word["spots", s, 2])
        return
    }
    no = chance(25); ask = !no && chance(25); b = past ? "was" : "is"
    ja = word["nouns", n, 1]; en = word["nouns", n, 2]
    if (described(n) && chance(30)) {
        k = noun_adjective(n); ja = attributive(k) ja; en = word["adjectives", k, 3] " " en
    }
    en = no ? "no " en : a_or_an(en)
    finish(ask, word["spots", s, 1] "に" ja "が" existence(n, no, past, ask),
           (ask ? b " there " : "there " b " ") en " " word["spots", s, 2])
}

function located(    s, n, no, past, ask) {
    s = draw("spots"); n = thing_at_spot(s); past = chance(35); no = chance(20); ask = !no && chance(25)
    noun_phrase(n, 1); who = "3"
    if (ask) { before_en = be(past) " "; after_en = "" } else { before_en = ""; after_en = " " be(past) (no ? " not" : "") }
    finish(ask, np_ja "は" word["spots", s, 1] "に" existence(n, no, past, ask), before_en np_en after_en " " word["spots", s, 2])
}

function going(    p, d, m, r, no, ask, ride_ja, ride_en, with_ja, with_en, q) {
    p = subject(); d = draw("places"); m = draw("moves"); some_time(60); some_hour(time_ja ~ /週|年/ ? 0 : 20)
    ride_ja = ride_en = with_ja = with_en = ""
    meet("moves", m, d)
    if (word["moves", m, 2] != "run" && chance(55)) {
        r = draw("rides"); meet("rides", r, d); ride_ja = word["rides", r, 1]; ride_en = " " word["rides", r, 2]
    }
    if (chance(25)) {
        do q = draw("people"); while (q == p)
        with_ja = word["people", q, 1] "と"; with_en = " with " word["people", q, 3]
    }
    no = chance(20); ask = !no && chance(20)
    move_verb(m)
    say_verb("going", 1, "plain", no, ask)
    finish(ask, opening("は") hour_ja with_ja ride_ja word["places", d, 1] "に" verb_ja,
           before_en who_en after_en " " word["places", d, 4] ride_en with_en hour_en time_en)
}
function move_verb(m) {
    word["going", 1, 1] = word["moves", m, 1]; word["going", 1, 6] = word["moves", m, 2]
    word["going", 1, 7] = word["moves", m, 3]; word["going", 1, 8] = word["moves", m, 4]
}

function liking(    p, n, no, ask, past) {
    p = subject(); n = draw("nouns"); meet("liking", p, n); past = chance(20); no = chance(25); ask = !no && chance(25)
    noun_phrase(n, 0)
    word["like", 1, 6] = "like"; word["like", 1, 7] = "likes"; word["like", 1, 8] = "liked"
    tense = past ? "past" : "present"
    say_verb("like", 1, "plain", no, ask)
    finish(ask, who_ja "は" np_ja "が好き" (no ? (past ? "ではありませんでした" : "ではありません") : past ? "でした" : "です") (ask ? "か" : ""),
           before_en who_en after_en " " np_en)
}

function asking(    v, n, kind) {
    subject(); v = draw("verbs"); n = object_of("verbs", v); kind = below(4)
    some_time(kind == 3 ? 0 : 45)
    if (kind == 0) {
        who_ja = "誰"; who_en = "who"; who = "3"
        say_verb("verbs", v, "plain", 0, 0); noun_phrase(n, 0)
        finish(1, time_ja "誰が" np_ja "を" verb_ja "か", "who" after_en " " np_en time_en)
        return
    }
    say_verb("verbs", v, "plain", 0, 1)
    if (kind == 1) {
        some_place(40); held = 0
        finish(1, opening("は") place_ja "何を" verb_ja, "what " before_en who_en after_en place_en time_en)
        return
    }
    noun_phrase(n, 0)
    if (kind == 2) finish(1, opening("は") "どこで" np_ja "を" verb_ja, "where " before_en who_en after_en " " np_en time_en)
    else finish(1, who_ja "はいつ" np_ja "を" verb_ja, "when " before_en who_en after_en " " np_en)
}

function sequence(    v, w, n, first_ja, first_en) {
    subject(); v = draw("verbs"); n = object_of("verbs", v); some_time(50); some_place(25)
    say_verb("verbs", v, "plain", 0, 0); noun_phrase(n, 0)
    first_ja = np_ja "を" word["verbs", v, 2] "、"; first_en = after_en " " np_en
    if (tense == "future") first_en = " will " word["verbs", v, 6] " " np_en
    do w = draw("verbs"); while (w == v)
    n = object_of("verbs", w); noun_phrase(n, 0)
    say_verb("verbs", w, "plain", 0, 0); sub(/^ will/, "", after_en)
    finish(0, opening("は") place_ja first_ja np_ja "を" verb_ja, who_en first_en " and" after_en " " np_en place_en time_en)
}

# "the book that Tom bought", as a topic or as an object.
function clause(    v, w, n, a, p, ja, en, past, no) {
    p = subject(); v = draw("verbs"); n = object_of("verbs", v)
    ja = who_ja "が" word["verbs", v, 3] word["nouns", n, 1]; en = "the " word["nouns", n, 2] " that " who_en " " word["verbs", v, 8]
    if (described(n) && chance(60)) {
        a = noun_adjective(n); who = "3"; past = chance(30); no = chance(20)
        is_adjective(a, no, 0, past)
        finish(0, ja "は" verb_ja, en after_en " " word["adjectives", a, 3])
        return
    }
    do subject(); while (word["people", p, 1] == who_ja)
    do w = draw("verbs"); while (!shares(word["verbs", w, 10], word["nouns", n, 6]))
    meet("verbs", w, n)
    some_time(0); no = chance(20)
    say_verb("verbs", w, "plain", no, 0)
    finish(0, who_ja "は" ja "を" verb_ja, who_en after_en " " en)
}

function given(    p, q, v, n, no, ask) {
    p = subject(); v = draw("gives"); n = object_of("gives", v)
    do q = draw("people"); while (q == p)
    some_time(50); no = chance(20); ask = !no && chance(20)
    say_verb("gives", v, "plain", no, ask); noun_phrase(n, 0)
    finish(ask, opening("は") word["people", q, 1] "に" np_ja "を" verb_ja,
           before_en who_en after_en " " np_en " to " word["people", q, 3] time_en)
}

function sentence(name) {
    held = 0
    if (name == "action") action()
    else if (name == "request") request()
    else if (name == "counted") counted()
    else if (name == "quality") quality()
    else if (name == "compared") compared()
    else if (name == "found") found()
    else if (name == "located") located()
    else if (name == "going") going()
    else if (name == "liking") liking()
    else if (name == "asking") asking()
    else if (name == "sequence") sequence()
    else if (name == "clause") clause()
    else given()
}
function pattern(    k, left) {
    left = below(total)
    for (k = 1; left >= word["patterns", k, 2]; k++) left -= word["patterns", k, 2]
    return word["patterns", k, 1]
}

END {
    for (i = 1; i <= size["patterns"]; i++) total += word["patterns", i, 2]
    state = seed
    for (i = 0; i < 10; i++) below(2)
    want["train"] = train; want["test"] = test
    while (want["train"] + want["test"] > 0) {
        sentence(pattern())
        set = held ? "test" : "train"
        if (want[set] == 0 || JA in seen) continue
        seen[JA] = 1
        want[set]--
        printf "%s\t%s\t%s\n", set, JA, EN
    }
}

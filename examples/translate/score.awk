# score.awk: how many translations are exactly right, and BLEU.
#
# In: two texts with one sentence per line, the translations first and the references second.
# Out: two lines,   exact 93.33 % (280 of 300)   and   BLEU 96.41   (with -v detail=1 the parts of BLEU too).
#
# Exact: equal once runs of white space are one blank and the ends have none.
#
# BLEU is sacreBLEU's (Post 2018, "A call for clarity in reporting BLEU scores"; signature nrefs:1|case:mixed|eff:no|
# tok:13a|smooth:exp), that is Papineni et al. 2002 on tokens cut as NIST's mteval-v13a.pl cuts them:
#     p_n  = matches of n-grams, each counted at most as often as the reference has it, over n-grams, n = 1 … 4
#     BP   = 1 where the translations are longer than the references, else exp(1 - reference length / their length)
#     BLEU = 100 BP exp(mean over n of log p_n)
# summed over all sentences first. A p_n without matches counts as 1 / (2^k · n-grams), k = 1, 2, … in order of n (the
# smoothing "exp" of mteval); where no n-gram matches at all, or there are none of some n, BLEU is 0.
#
# Bytes are compared: run it under LC_ALL=C. Each awk of POSIX does.

function trimmed(text) {
    gsub(BLANK, " ", text)
    gsub(/[ \t\r\n\013\014\034-\037]+/, " ", text)
    sub(/^ /, "", text)
    sub(/ $/, "", text)
    return text
}

# mteval-v13a's rules, one after the other, each over the whole text as sed would: punctuation stands alone, but for a
# period or comma between digits, and a dash is parted from a digit before it.
function tokens(text,    out, n, i, c, d) {
    gsub(/<skipped>/, "", text)
    if (index(text, "&")) {
        gsub(/&quot;/, "\"", text); gsub(/&amp;/, "\\&", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text)
    }
    gsub(/[{-~[-` -&(-+:-@\/]/, " & ", text)
    text = " " text " "
    text = parted(text, "[^0-9]", "[.,]", 1)
    text = parted(text, "[.,]", "[^0-9]", 0)
    text = parted(text, "[0-9]", "-", 1)
    return trimmed(text)
}
# Where a character of class a stands before one of class b: "ab" becomes "a b " (after = 1) or " a b" (after = 0).
# Pairs don't overlap, as in a substitution from left to right.
function parted(text, a, b, after,    out, n, i, c, d) {
    if (text !~ (a b)) return text
    out = ""
    n = length(text)
    for (i = 1; i <= n; i++) {
        c = substr(text, i, 1)
        d = substr(text, i + 1, 1)
        if (i < n && c ~ a && d ~ b) {
            out = out (after ? c " " d " " : " " c " " d)
            i++
        } else {
            out = out c
        }
    }
    return out
}

# Counts the n-grams of a text into `grams`, by their words; returns the number of words.
function count_grams(text, grams,    word, n, i, k, gram) {
    split("", grams)
    n = split(text, word, " ")
    for (i = 1; i <= n; i++) {
        gram = ""
        for (k = 1; k <= 4 && i + k - 1 <= n; k++) {
            gram = gram " " word[i + k - 1]
            grams[k gram]++
        }
    }
    return n
}

function add_pair(said, meant,    n, m, k, gram, size) {
    n = count_grams(tokens(said), ours)
    m = count_grams(tokens(meant), theirs)
    our_length += n
    their_length += m
    for (k = 1; k <= 4; k++) if (n >= k) total[k] += n - k + 1
    for (gram in ours) {
        size = substr(gram, 1, 1)
        if (gram in theirs) right[size] += ours[gram] < theirs[gram] ? ours[gram] : theirs[gram]
    }
}

function bleu(    k, sum, halves, p, short_by) {
    if (right[1] + right[2] + right[3] + right[4] == 0) return 0
    halves = 1
    for (k = 1; k <= 4; k++) {
        if (total[k] == 0) return 0
        if (right[k] > 0) p = right[k] / total[k]
        else { halves *= 2; p = 1 / (halves * total[k]) }
        sum += log(p)
        precisions = precisions sprintf("%s%.4f", k > 1 ? "/" : "", 100 * p)
    }
    short_by = our_length < their_length ? 1 - their_length / our_length : 0
    brevity = exp(short_by)
    return 100 * brevity * exp(sum / 4)
}

BEGIN {
    # White space beyond ASCII, as UTF-8: U+0085 U+00A0 U+1680 U+2000–200A U+2028 U+2029 U+202F U+205F U+3000.
    BLANK = "\302\205|\302\240|\341\232\200|\342\200[\200-\212\250\251\257]|\342\201\237|\343\200\200"
    for (i = 1; i <= 4; i++) right[i] = total[i] = 0
    said_file = ARGV[1]
    while ((getline line < said_file) > 0) said[++count] = line
    ARGV[1] = ""
}
{
    if (FNR > count) { few = 1; exit 1 }
    exact += trimmed(said[FNR]) == trimmed($0)
    add_pair(said[FNR], $0)
    lines++
}
END {
    if (few || lines != count) {
        printf "score: %d translations of %s%d references: give one line each\n", count, few ? "more than " : "", lines > "/dev/stderr"
        exit 1
    }
    if (!count) { print "score: there is nothing to score" > "/dev/stderr"; exit 1 }
    score = bleu()
    printf "exact %.2f %% (%d of %d)\n", 100 * exact / count, exact, count
    printf "BLEU %.2f\n", score
    if (detail) printf "%.6f %s BP %.6f, %d words for %d\n", score, precisions, brevity, our_length, their_length
    if (100 * exact < least * count) exit 4
}

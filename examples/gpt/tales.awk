# tales.awk: writes small tales, one after the other: the text of the character model.
#
#   LC_ALL=C awk -v seed=1 -v tales=72 -f tales.awk >tales.txt
#
#   The Fox and the Lantern
#
#   Long ago, in a village by the sea, there lived a clever fox named Bram. ...
#
# A tale has a hero, a friend, a place, a thing that is wanted and an obstacle; names, pronouns and things stay the same
# to its end, which is what a model of characters has to learn beyond spelling. Any POSIX awk gives the same text.

# Park and Miller's generator (1988): exact in double arithmetic.
function below(n) { state = (state * 16807) % 2147483647; return int(state / 2147483647 * n) }
function list(name, text) { size[name] = split(text, parts, /[|]/); for (i = 1; i <= size[name]; i++) entry[name, i] = parts[i] }
function pick(name) { return entry[name, 1 + below(size[name])] }
function another(name, taken,    text) { do text = pick(name); while (text == taken); return text }
function upper(text) { return toupper(substr(text, 1, 1)) substr(text, 2) }
function a(text) { return (text ~ /^([aeiou]|hon)/ ? "an " : "a ") text }

# Fills {hero}, {he}, … into a sentence.
function told(text,    key) {
    for (key in value) gsub("[{]" key "[}]", value[key], text)
    return text
}
function say(kind) { paragraph = paragraph (paragraph == "" ? "" : " ") told(pick(kind)) }
# Lines of at most 76 characters.
function flush_paragraph(    n, i, word, line) {
    n = split(paragraph, word, " ")
    line = ""
    for (i = 1; i <= n; i++) {
        if (line != "" && length(line) + 1 + length(word[i]) > 76) { print line; line = "" }
        line = line (line == "" ? "" : " ") word[i]
    }
    print line
    print ""
    paragraph = ""
}

function tale(    animal, thing, she) {
    animal = pick("animal"); thing = pick("thing"); she = below(2)
    value["animal"] = animal
    value["an animal"] = a(animal)
    value["name"] = pick(she ? "her name" : "his name")
    value["he"] = she ? "she" : "he"; value["He"] = she ? "She" : "He"
    value["His"] = she ? "Her" : "His"
    value["his"] = she ? "her" : "his"; value["him"] = she ? "her" : "him"
    value["friend"] = another("animal", animal)
    value["nature"] = pick("nature"); value["a nature"] = a(value["nature"])
    value["a friend"] = a(value["friend"])
    value["place"] = pick("place"); value["far"] = pick("far"); value["thing"] = thing; value["a thing"] = a(thing)
    value["barrier"] = pick("barrier"); value["weather"] = pick("weather"); value["number"] = pick("number")
    value["meal"] = pick("meal")
    print "The " upper(animal) " and the " upper(thing)
    print ""
    say("opening"); say("wish"); say("reason"); flush_paragraph()
    say("setting out"); say("on the way"); say("meeting"); flush_paragraph()
    say("asking"); say("answer"); if (below(2)) say("gift"); flush_paragraph()
    say("barrier told"); say("trying"); say("helping"); flush_paragraph()
    say("finding"); say("return"); say("closing"); flush_paragraph()
    print "Moral: " told(pick("moral"))
    print ""
    print ""
}

BEGIN {
    list("animal", "fox|crow|hare|tortoise|wolf|owl|mouse|badger|otter|crane|donkey|goat|frog|squirrel|heron|bear")
    list("his name", "Bram|Tobias|Oren|Felix|Hugo|Jonas|Milo|Rufus|Simon|Walter")
    list("her name", "Ada|Clara|Edith|Greta|Ivy|Lena|Mina|Nora|Rosa|Tilda")
    list("nature", "clever|patient|proud|gentle|hungry|curious|lazy|honest|timid|stubborn|cheerful|old")
    list("place", "in a village by the sea|at the edge of a dark wood|under a hill of white stones|beside a slow river|in a valley full of apple trees|near an old mill|on a small green island|behind the last house of the town")
    list("far", "the northern hills|the city of bells|the other side of the lake|the garden of the king|the island of reeds|the top of the grey mountain|the end of the long road")
    list("thing", "lantern|silver spoon|golden bell|blue feather|clay pot|wooden flute|warm blanket|basket of pears|honey jar|red umbrella|broken clock|map|little mirror|book of songs")
    list("barrier", "river|wall|gate|swamp|bridge|thicket")
    list("weather", "the wind blew cold from the east|the rain fell all day long|the sun stood high and the dust was hot|snow lay on every branch|a thin mist hung over the fields|the stars were out and the moon was round")
    list("number", "two|three|four|five|seven")
    list("meal", "bread and cheese|a handful of nuts|warm soup|three plums|oat cakes|berries and milk")

    list("opening", "Long ago, {place}, there lived {a nature} {animal} named {name}.|Once upon a time {a nature} {animal} called {name} lived {place}.|There was once {a nature} {animal}, {name} by name, who lived {place}.|In the days when animals could still speak, {name} the {animal} lived {place}, and everyone knew {him} to be {nature}.")
    list("wish", "More than anything in the world {he} wished for {a thing}.|All {his} life {he} had dreamed of {a thing}.|Every evening {he} sat at {his} door and thought of {a thing}.|One morning {he} woke up and knew that {he} must have {a thing}.")
    list("reason", "\"With {a thing},\" {he} said, \"I should be happy to the end of my days.\"|\"What is {an animal} without {a thing}?\" {he} asked the walls, and the walls did not answer.|The neighbours laughed at {him}, but {name} did not mind.|{His} mother had told {him} that such things were found only in {far}.")
    list("setting out", "So one day {name} put {meal} into a bag and set out for {far}.|Before the sun was up, {name} locked the door, hid the key under a stone and went on {his} way to {far}.|\"It is {number} days to {far},\" said {name}, \"and the first step is the longest.\"")
    list("on the way", "{He} walked until {his} feet were sore, and {weather}.|For {number} days {he} saw nobody, and {weather}.|That night {he} slept under a tree; {weather}.|{He} sang as {he} went, although {weather}.")
    list("meeting", "At a crossroads {he} met {a friend} who was sitting on a fence.|By the side of the road {a friend} was mending a shoe.|Then {a friend} came out of the grass and looked {him} up and down.|On the third day {he} heard {a friend} crying for help, and pulled the poor creature out of a ditch.")
    list("asking", "\"Good day, friend,\" said {name}. \"Do you know where I can find {a thing}?\"|\"Tell me,\" said the {friend}, \"where does {a nature} {animal} go in such a hurry?\" \"To {far},\" said {name}, \"to find {a thing}.\"|\"Have you seen {a thing} on your travels?\" asked {name}, and shared {meal} with the {friend}.")
    list("answer", "\"I have seen one,\" said the {friend}, \"but it lies behind a {barrier}, and nobody has ever come back with it.\"|The {friend} thought for a while. \"Go straight on to the {barrier},\" the {friend} said, \"and do not look behind you.\"|\"Everyone asks me that,\" sighed the {friend}, \"and nobody asks how I am.\" So {name} asked, and the {friend} was glad and told {him} about the {barrier}.")
    list("gift", "And because {name} had been kind, the {friend} went along with {him}.|Then the {friend} gave {him} {number} white pebbles and wished {him} luck.|\"Remember,\" said the {friend}, \"that a {thing} is only a {thing}.\"")
    list("barrier told", "When {name} came to the {barrier}, {he} saw that it was higher and wider than any {barrier} in the stories.|The {barrier} was just as the {friend} had said, and {weather}.|And there was the {barrier} at last, and beyond it, small and bright, the {thing}.")
    list("trying", "{He} tried once, and fell. {He} tried twice, and fell again.|{He} walked to the left for an hour and to the right for an hour, but the {barrier} had no end.|{He} shouted at it, and then {he} begged it, but a {barrier} has no ears.|For {number} hours {he} sat in front of it and did not know what to do.")
    list("helping", "Then {he} called the {friend}, and together they did what neither could have done alone.|At last {he} remembered the words of the {friend}, shut {his} eyes, and simply went on.|Then the {friend} came running and said, \"Climb on my back.\"|In the end it was the {friend} who found the way, a small hole that only patient eyes could see.")
    list("finding", "So {name} found the {thing}, and it was smaller than {he} had thought.|There lay the {thing} in the grass, and {name} took it up with both hands.|\"Is this all?\" said {name}, when {he} held the {thing}; but {his} heart was light.")
    list("return", "On the way home {he} gave {meal} to everyone {he} met.|{He} thanked the {friend}, and they walked home side by side, and {weather}.|When {he} came home after {number} weeks, the neighbours did not laugh any more.|The {friend} would take no reward, so {name} asked the {friend} to stay for supper, and they ate {meal}.")
    list("closing", "And if the {thing} is not broken, it still hangs above {his} door.|From that day on {name} was never again called {nature} without a smile.|The {thing} was lost again within a year, but the {friend} came to supper every Sunday.|And that is how the {animal} and the {friend} became friends.")
    list("moral", "a friend on the road is worth more than {a thing} at home.|who asks politely is answered gladly.|what is far away looks greater than it is.|no {barrier} is too wide for two.|be slow to laugh at another's wish.|the longest way begins at your own door.")
    state = seed
    for (k = 0; k < 10; k++) below(2)
    for (k = 1; k <= tales; k++) tale()
}

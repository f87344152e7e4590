# reading.awk: what the comments of written C promise, against the C itself. In: the operations' names, one a line, then
# the file. Out: a line for each promise that is broken; nothing where all hold.
#
#     3412  backward  k03_d_x  ...            the table of contents: that function begins on that line
#     /* k03_d_x: backward of m.tg:7  y = x @ W        a line of the model, and a rule where it is backward
#      *   rule: dA = G . B^T
#      *   d_x[M, K] = d_y @ W_panels                  d_x, d_y and W_panels are words of the function below
FNR == NR {
    known[$1] = 1
    next
}

# words of formulas that are no names: functions, and how shapes and places are told
BEGIN {
    split("any axis to row column iota in panels of columns rows select uniform inf nan e T pow", words, " ")
    for (i in words) known[words[i]] = 1
    split("max min floor sqrt mod not negative scale keys kept where", words, " ")
    for (i in words) known[words[i]] = 1
}

function complain(text) {
    printf "%s: %s: %s\n", model, kernel, text
}

# The names of one formula line, without what stands in brackets of shapes.
function check_formula(line, body, name, rest) {
    sub(/^ \*   /, "", line)
    sub(/ \*\/$/, "", line)
    gsub(/axis = [A-Za-z0-9_, ]*/, "", line)
    gsub(/\[[^]]*\]/, "", line)
    gsub(/[0-9.]+e[-+]?[0-9]+/, "", line)
    rest = line
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*/)) {
        name = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (name in known || external[name]) continue
        if (!match_word(body, name)) complain("no " name " in the code of: " line)
    }
}

function match_word(body, name) {
    return body ~ ("(^|[^A-Za-z0-9_])" name "($|[^A-Za-z0-9_])")
}

/^ \* +[0-9]+  (forward|backward|update|both) / {
    promised[$4] = $2
    phase[$4] = $3
    listed++
}

/^struct [A-Za-z0-9_]+_args \{/ {
    arguments = ""
    inside = "args"
}

inside == "args" {
    arguments = arguments "\n" $0
    if (/^};/) inside = ""
}

# the comment above a function
/^\/\* [A-Za-z0-9_]+_k[0-9]+|^\/\* k[0-9]+_/ {
    kernel = $2
    sub(/:$/, "", kernel)
    inside = "comment"
    lines = 0
}

inside == "comment" {
    comment[++lines] = $0
    if (/\*\/$/) inside = ""
}

/^static void [A-Za-z0-9_]+\(const void \*args, int lo, int hi\) \{/ {
    named = $3
    sub(/\(.*/, "", named)
    functions++
    if (named != kernel) complain("the comment above is another's: " named)
    if (promised[kernel] != FNR) complain("the table of contents says line " promised[kernel] ", it is " FNR)
    code = arguments
    inside = "code"
}

inside == "code" {
    code = code "\n" $0
    if (/^}/) {
        inside = ""
        rules = again = backward = formulas = 0
        if (comment[1] !~ /^\/\* [A-Za-z0-9_]+: (backward of )?[^ ]+\.tg:[0-9]+  ./) complain("names no line: " comment[1])
        for (i = 1; i <= lines; i++) {
            if (comment[i] ~ /rule: d[A-Z]/) rules++
            if (comment[i] ~ /computed again for the backward pass$/) again++
            if (comment[i] ~ /backward of /) backward++
            if (comment[i] ~ /^ \*   [A-Za-z_0-9]+(\[[^]]*\])? = /) {
                formulas++
                check_formula(comment[i], code)
            }
        }
        if ((backward || phase[kernel] == "backward") && !rules && !again) complain("backward, but without a rule: " comment[1])
        if (rules && !backward) complain("a rule, but of no line: " comment[1])
        if (rules && phase[kernel] == "forward") complain("a rule, but forward in the table of contents")
        if (!formulas) complain("says nothing of what it computes")
    }
}

END {
    if (functions != listed) printf "%s: %d kernels, %d of them in the table of contents\n", model, functions, listed
}

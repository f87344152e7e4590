/* browser.c: drives a page in a headless Chromium as a person would, by the DevTools protocol over two pipes.
 *
 *     browser chromium STEPS          a line of the file STEPS is a step:
 *
 *     open m.html                     a file; waits until it has loaded
 *     size 700 900                    of the window, in pixels
 *     scheme dark                     what the system prefers: dark or light
 *     click #lines a                  moves the mouse to the middle of the first element that fits, and presses
 *     hover .tenant                   the same without pressing
 *     key ArrowDown                   presses and lets go
 *     expect document.title === 'm'   an expression of JavaScript that must be true; waits up to two seconds for it
 *     print document.title            shows an expression's value
 *     screenshot m.png
 *
 * Status 1, with a line for each: an expectation that fails, an element that isn't there or is covered, an error on the
 * console, and a request for anything but the pages opened. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 40, LINE = 4096 };

typedef struct Browser {
    pid_t process;
    int to, from;
    char *buffer; /* what was read and not yet taken */
    size_t length, capacity;
    int last_id;
    char session[128];
    bool loaded;
    int failures;
} Browser;

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("browser: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- messages ---- */

static void start(Browser *b, const char *program, const char *profile) {
    int in[2], out[2];
    char folder[LINE];
    snprintf(folder, sizeof folder, "--user-data-dir=%s", profile);
    if (pipe(in) || pipe(out)) die("no pipes: %s", strerror(errno));
    b->process = fork();
    if (b->process < 0) die("cannot fork: %s", strerror(errno));
    if (!b->process) {
        int read_end = dup(in[0]), write_end = dup(out[1]); /* both above 4, so that 3 and 4 can be taken */
        setpgid(0, 0);
        dup2(read_end, 3);
        dup2(write_end, 4);
        for (int i = 5; i < 64; i++) close(i);
        if (!freopen("/dev/null", "w", stderr)) _exit(127);
        execlp(program, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
               "--remote-debugging-pipe", folder, "about:blank", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    b->to = in[1];
    b->from = out[0];
}

static void stop(Browser *b) {
    kill(-b->process, SIGKILL);
    waitpid(b->process, NULL, 0);
}

static void put(Browser *b, cJSON *message) {
    char *text = cJSON_PrintUnformatted(message);
    size_t size = strlen(text) + 1; /* with the NUL that ends a message */
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(b->to, text + done, size - done);
        if (wrote < 0) die("the browser has gone: %s", strerror(errno));
        done += (size_t)wrote;
    }
    free(text);
    cJSON_Delete(message);
}

static cJSON *take(Browser *b, double deadline) {
    for (;;) {
        char *end = b->length ? memchr(b->buffer, 0, b->length) : NULL;
        if (end) {
            cJSON *message = cJSON_Parse(b->buffer);
            size_t used = (size_t)(end + 1 - b->buffer);
            memmove(b->buffer, end + 1, b->length - used);
            b->length -= used;
            return message;
        }
        struct pollfd file = {b->from, POLLIN, 0};
        if (poll(&file, 1, (int)(1000 * (deadline - now())) + 1) <= 0) return NULL;
        if (b->capacity < b->length + (1 << 16))
            b->buffer = realloc(b->buffer, b->capacity = 2 * b->length + (1 << 17));
        if (!b->buffer) die("out of memory");
        ssize_t got = read(b->from, b->buffer + b->length, b->capacity - b->length);
        if (got <= 0) die("the browser has gone");
        b->length += (size_t)got;
    }
}

static const cJSON *field(const cJSON *object, const char *path) {
    char words[256];
    snprintf(words, sizeof words, "%s", path);
    for (char *rest = words, *word; object && (word = strtok_r(rest, ".", &rest));)
        object = cJSON_GetObjectItemCaseSensitive(object, word);
    return object;
}

static const char *string(const cJSON *object, const char *path) {
    const cJSON *found = field(object, path);
    return cJSON_IsString(found) ? found->valuestring : "";
}

static void failed(Browser *b, const char *what, const char *detail) {
    b->failures++;
    printf("%s: %s\n", what, detail);
}

/* What happens by itself: errors, requests, the end of loading. */
static void notice(Browser *b, const cJSON *message) {
    const char *method = string(message, "method"), *url = string(message, "params.request.url");
    if (!strcmp(method, "Page.loadEventFired")) b->loaded = true;
    if (!strcmp(method, "Runtime.exceptionThrown"))
        failed(b, "exception", string(message, "params.exceptionDetails.exception.description"));
    const char *type = string(message, "params.type");
    if (!strcmp(method, "Runtime.consoleAPICalled") && (!strcmp(type, "error") || !strcmp(type, "warning"))) {
        char *text = cJSON_PrintUnformatted(field(message, "params.args"));
        failed(b, "console", text);
        free(text);
    }
    if (!strcmp(method, "Log.entryAdded")) failed(b, "log", string(message, "params.entry.text"));
    if (!strcmp(method, "Network.requestWillBeSent") && strcmp(string(message, "params.type"), "Document") != 0 &&
        strncmp(url, "data:", 5) != 0)
        failed(b, "request", url);
}

/* Sends a command and waits for its result, which the caller deletes. */
static cJSON *call(Browser *b, const char *method, cJSON *parameters) {
    cJSON *message = cJSON_CreateObject();
    int id = ++b->last_id;
    cJSON_AddNumberToObject(message, "id", id);
    cJSON_AddStringToObject(message, "method", method);
    if (*b->session) cJSON_AddStringToObject(message, "sessionId", b->session);
    if (parameters) cJSON_AddItemToObject(message, "params", parameters);
    put(b, message);
    for (double deadline = now() + SECONDS;;) {
        cJSON *answer = take(b, deadline);
        if (!answer) die("no answer to %s", method);
        const cJSON *number = field(answer, "id");
        if (cJSON_IsNumber(number) && number->valueint == id) {
            if (field(answer, "error")) die("%s: %s", method, string(answer, "error.message"));
            return answer;
        }
        notice(b, answer);
        cJSON_Delete(answer);
    }
}

static void tell(Browser *b, const char *method, const char *parameters) {
    cJSON_Delete(call(b, method, parameters ? cJSON_Parse(parameters) : NULL));
}

/* ---- the page ---- */

static void attach(Browser *b) {
    cJSON *targets = call(b, "Target.getTargets", NULL);
    const cJSON *list = field(targets, "result.targetInfos"), *target;
    cJSON *parameters = cJSON_CreateObject();
    cJSON_ArrayForEach(target, list) if (!strcmp(string(target, "type"), "page") && !field(parameters, "targetId"))
        cJSON_AddStringToObject(parameters, "targetId", string(target, "targetId"));
    cJSON_AddTrueToObject(parameters, "flatten");
    cJSON *attached = call(b, "Target.attachToTarget", parameters);
    snprintf(b->session, sizeof b->session, "%s", string(attached, "result.sessionId"));
    cJSON_Delete(attached);
    cJSON_Delete(targets);
    const char *const domains[] = {"Page.enable", "Runtime.enable", "Log.enable", "Network.enable"};
    for (int i = 0; i < 4; i++) tell(b, domains[i], NULL);
}

static cJSON *evaluate(Browser *b, const char *expression) {
    cJSON *parameters = cJSON_CreateObject();
    cJSON_AddStringToObject(parameters, "expression", expression);
    cJSON_AddTrueToObject(parameters, "returnByValue");
    cJSON_AddTrueToObject(parameters, "awaitPromise");
    cJSON *answer = call(b, "Runtime.evaluate", parameters);
    if (field(answer, "result.exceptionDetails")) failed(b, "throws", expression);
    return answer;
}

/* Lets the page answer to what was done: two frames. */
static void rest(Browser *b) {
    cJSON_Delete(evaluate(b, "new Promise(done => setTimeout(() => setTimeout(done, 15), 15))"));
}

static void step_open(Browser *b, const char *file) {
    char path[LINE], url[LINE + 16], plain[LINE];
    const char *hash = strchr(file, '#');
    snprintf(plain, sizeof plain, "%.*s", hash ? (int)(hash - file) : (int)strlen(file), file);
    if (!realpath(plain, path)) die("%s: %s", plain, strerror(errno));
    snprintf(url, sizeof url, "file://%s%s", path, hash ? hash : "");
    cJSON *parameters = cJSON_CreateObject();
    cJSON_AddStringToObject(parameters, "url", url);
    tell(b, "Page.navigate", "{\"url\": \"about:blank\"}"); /* an address that differs behind # alone would not load */
    rest(b);
    b->loaded = false;
    cJSON_Delete(call(b, "Page.navigate", parameters));
    for (double deadline = now() + SECONDS; !b->loaded && now() < deadline;) rest(b);
    if (!b->loaded) die("%s does not load", file);
}

static void step_size(Browser *b, const char *size) {
    char parameters[LINE];
    int width = 0, height = 0;
    if (sscanf(size, "%d %d", &width, &height) != 2) die("size WIDTH HEIGHT");
    snprintf(parameters, sizeof parameters,
             "{\"width\": %d, \"height\": %d, \"deviceScaleFactor\": 1, \"mobile\": false}", width, height);
    tell(b, "Emulation.setDeviceMetricsOverride", parameters);
}

static void step_scheme(Browser *b, const char *scheme) {
    char parameters[LINE];
    snprintf(parameters, sizeof parameters, "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"%s\"}]}",
             scheme);
    tell(b, "Emulation.setEmulatedMedia", parameters);
}

static void mouse(Browser *b, const char *type, double x, double y) {
    char parameters[LINE];
    bool moved = !strcmp(type, "mouseMoved");
    snprintf(parameters, sizeof parameters,
             "{\"type\": \"%s\", \"x\": %g, \"y\": %g, \"button\": \"%s\", \"clickCount\": %d}", type, x, y,
             moved ? "none" : "left", !moved);
    tell(b, "Input.dispatchMouseEvent", parameters);
}

static void step_mouse(Browser *b, const char *selector, bool press) {
    static const char script[] =
        "(selector => { const found = document.querySelector(selector); if (!found) return 'is not there';"
        " found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect();"
        " const x = box.x + box.width / 2, y = box.y + box.height / 2, top = document.elementFromPoint(x, y);"
        " return top && (found.contains(top) || top.contains(found)) ? `${x} ${y}` : 'is covered'; })(%s)";
    char expression[LINE + sizeof script];
    cJSON *quoted = cJSON_CreateString(selector);
    char *text = cJSON_PrintUnformatted(quoted);
    double x, y;
    snprintf(expression, sizeof expression, script, text);
    free(text);
    cJSON_Delete(quoted);
    cJSON *answer = evaluate(b, expression);
    const char *where = string(answer, "result.result.value");
    if (sscanf(where, "%lf %lf", &x, &y) == 2) {
        mouse(b, "mouseMoved", x, y);
        if (press) mouse(b, "mousePressed", x, y);
        if (press) mouse(b, "mouseReleased", x, y);
        rest(b);
    } else {
        failed(b, selector, where);
    }
    cJSON_Delete(answer);
}

static void step_key(Browser *b, const char *key) {
    char parameters[LINE];
    const char *const text = strcmp(key, "Enter") ? "" : ", \"text\": \"\\r\"";
    const int code = !strcmp(key, "Enter") ? 13 : !strcmp(key, "Tab") ? 9 : 0;
    const char *const types[] = {"keyDown", "keyUp"};
    for (int i = 0; i < 2; i++) {
        snprintf(parameters, sizeof parameters,
                 "{\"type\": \"%s\", \"key\": \"%s\", \"code\": \"%s\", \"windowsVirtualKeyCode\": %d%s}", types[i],
                 key, key, code, i ? "" : text);
        tell(b, "Input.dispatchKeyEvent", parameters);
    }
    rest(b);
}

static void step_expect(Browser *b, const char *expression) {
    for (double deadline = now() + 2;;) {
        int before = b->failures;
        cJSON *answer = evaluate(b, expression);
        bool holds = cJSON_IsTrue(field(answer, "result.result.value"));
        cJSON_Delete(answer);
        if (holds || b->failures > before) return;
        if (now() > deadline) break;
        rest(b);
    }
    failed(b, "not so", expression);
}

static void step_print(Browser *b, const char *expression) {
    cJSON *answer = evaluate(b, expression);
    char *text = cJSON_PrintUnformatted(field(answer, "result.result.value"));
    printf("%s\n", text ? text : "undefined");
    free(text);
    cJSON_Delete(answer);
}

/* Bytes of base64, which the protocol sends pictures in. */
static void write_base64(FILE *file, const char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int count = 0;
    for (const char *digit; *text && (digit = strchr(digits, *text)); text++) {
        bits = bits << 6 | (unsigned)(digit - digits);
        count += 6;
        if (count >= 8) fputc((int)(bits >> (count -= 8) & 255), file);
    }
}

static void step_screenshot(Browser *b, const char *path) {
    cJSON *answer = call(b, "Page.captureScreenshot", NULL);
    FILE *file = fopen(path, "wb");
    if (!file) die("%s: %s", path, strerror(errno));
    write_base64(file, string(answer, "result.data"));
    if (fclose(file)) die("%s: %s", path, strerror(errno));
    cJSON_Delete(answer);
}

static void step_click(Browser *b, const char *selector) {
    step_mouse(b, selector, true);
}

static void step_hover(Browser *b, const char *selector) {
    step_mouse(b, selector, false);
}

static const struct {
    const char *word;
    void (*run)(Browser *b, const char *rest);
} steps[] = {{"open", step_open},     {"size", step_size},   {"scheme", step_scheme},
             {"click", step_click},   {"hover", step_hover}, {"key", step_key},
             {"expect", step_expect}, {"print", step_print}, {"screenshot", step_screenshot}};

static void run_step(Browser *b, char *line) {
    char *rest_of_line = line + strcspn(line, " ");
    if (*rest_of_line) *rest_of_line++ = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!strcmp(steps[i].word, line)) {
            int before = b->failures;
            steps[i].run(b, rest_of_line);
            if (b->failures > before) printf("  at: %s %s\n", line, rest_of_line);
            return;
        }
    die("there is no step %s", line);
}

int main(int argc, char **argv) {
    Browser b = {0};
    char line[LINE], profile[] = "/tmp/browser.XXXXXX", remove[64];
    FILE *file = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (!file) die("browser PROGRAM STEPS");
    if (!mkdtemp(profile)) die("no folder: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    start(&b, argv[1], profile);
    attach(&b);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && line[0] != '#') run_step(&b, line);
    }
    rest(&b);
    stop(&b);
    snprintf(remove, sizeof remove, "rm -rf %s", profile);
    if (system(remove)) die("cannot remove %s", profile);
    free(b.buffer);
    fclose(file);
    return b.failures != 0;
}

/* compile.c: from a request to a compile, and what every command asks of one.
 *
 * In: -DN=4 --dtype f64 m.tg. Out: Compile { path: m.tg, options: { N = 4, f64 } }, ready for pipeline_run. */
#include "command/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef VEC(Entry *) EntryList;

static bool set_dtype(Request *request, Options *options) {
    static const char *const types[] = {"f32", "f64"};
    const char *type = request->dtype;
    options->f64 = type && strcmp(type, "f64") == 0;
    if (!type || options->f64 || strcmp(type, "f32") == 0) return true;
    if (strcmp(type, "bf16") == 0) {
        usage_error(request, "--dtype bf16 is not supported yet: a model is f32 or f64");
        return false;
    }
    usage_error(request, "--dtype is f32 or f64, not %s%s", type, did_you_mean(request->arena, type, types, 2));
    return false;
}

static bool set_target(Request *request, Compile *compile) {
    if (!request->target) return true;
    compile->target = request->target;
    if (machine_find(request->target)) return true;
    const char **names = NEW_ARRAY(request->arena, const char *, machine_count + 1);
    for (int i = 0; i < machine_count; i++) names[i] = machine_table[i].name;
    names[machine_count] = "native";
    Text text;
    text_init(&text, request->arena);
    for (int i = 0; i <= machine_count; i++) text_printf(&text, "%s%s", i ? ", " : "", names[i]);
    usage_error(request, "no target is called %s%s (there are %s)", request->target,
                did_you_mean(request->arena, request->target, names, machine_count + 1), text.at);
    return false;
}

static bool known_pass(Request *request, const char *option, const char *name) {
    if (!name || pass_find(name) || (strcmp(option, "--dump") == 0 && strcmp(name, "all") == 0)) return true;
    WordList names = {0};
    for (const Pass *pass = pass_table; pass->name; pass++) vec_push(request->arena, &names, pass->name);
    usage_error(request, "%s: no pass is called %s%s; tgc --passes lists them", option, name,
                did_you_mean(request->arena, name, names.at, names.count));
    return false;
}

/* 400M and 400MB are 4e8 bytes, 400Mi and 400MiB 400 * 2^20. */
static bool set_memory(Request *request, Compile *compile) {
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 1},    {"k", 1e3},     {"K", 1e3},     {"M", 1e6},
                 {"G", 1e9}, {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}};
    if (!request->memory) return true;
    char *end;
    double number = strtod(request->memory, &end);
    size_t length = strlen(end);
    if (length > 0 && end[length - 1] == 'B') length--;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double bytes = number * units[i].bytes;
        bool fits = strlen(units[i].unit) == length && strncmp(units[i].unit, end, length) == 0;
        if (!fits || end == request->memory || !(bytes >= 1 && bytes < 0x1p62)) continue;
        compile->memory = (size_t)bytes;
        return true;
    }
    usage_error(request, "--memory is a number of bytes such as 400M, 2G or 1.5Gi, not %s", request->memory);
    return false;
}

bool compile_request(Request *request, Compile *compile) {
    const char *path = request->words.at[0];
    compile_init(compile, request->arena, strcmp(path, "-") == 0 ? "/dev/stdin" : path);
    for (int i = 0; i < request->defines.count; i++) {
        Override override;
        if (!override_parse(compile->names, request->defines.at[i], &override)) {
            usage_error(request, "-D %s is not NAME=VALUE with a number", request->defines.at[i]);
            return false;
        }
        vec_push(request->arena, &compile->options.overrides, override);
    }
    for (int i = 0; i < request->import_dirs.count; i++)
        vec_push(request->arena, &compile->options.import_dirs, request->import_dirs.at[i]);
    compile->stop_after = request->stop_after;
    compile->dump = request->dump;
    compile->timings = request->timings;
    compile->apart = request->apart;
    compile->tune = request->tune;
    if (request->block_rows.given) compile->block_rows = (int64_t)(request->block_rows.value & INT64_MAX);
    compile->output.prefix = request->prefix;
    compile->output.check = request->check;
    compile->build.cc = request->cc;
    compile->build.verbose = request->verbose;
    return set_dtype(request, &compile->options) && set_target(request, compile) && set_memory(request, compile) &&
           known_pass(request, "--stop-after", request->stop_after) && known_pass(request, "--dump", request->dump);
}

int compile_begin(Request *request, Compile *compile) {
    if (!compile_request(request, compile)) return STATUS_USAGE;
    compile->stop_after = "elaborate";
    compile->timings = false;
    int status = pipeline_run(compile);
    compile->stop_after = request->stop_after;
    compile->timings = request->timings;
    return status;
}

/* One of the sizes in brackets, "T=32". */
static bool has_size(const Entry *entry, const char *text, size_t length) {
    for (int i = 0; i < entry->buckets.count; i++) {
        const Bucket *bucket = &entry->buckets.at[i];
        size_t name = strlen(bucket->name);
        char *end;
        if (length < name + 2 || strncmp(text, bucket->name, name) != 0 || text[name] != '=') continue;
        return strtoll(text + name + 1, &end, 10) == bucket->size && end == text + length;
    }
    return false;
}

bool entry_called(const Entry *entry, const char *word) {
    if (strcmp(entry->name, word) == 0) return true;
    size_t length = strcspn(word, "[");
    if (!entry->buckets.count || strlen(entry->point) != length || strncmp(word, entry->point, length) != 0)
        return false;
    for (const char *at = word + length; *at;) {
        size_t size = strcspn(++at, ",]");
        if (!has_size(entry, at, size)) return false;
        at += size;
        if (*at == ']') return !at[1];
    }
    return !word[length];
}

static Entry *one_of(Request *request, const Model *model, const char *name, const EntryList *found) {
    if (found->count == 1) return found->at[0];
    Text text;
    text_init(&text, request->arena);
    for (int i = 0; i < found->count; i++) text_printf(&text, "%s%s", i ? ", " : "", found->at[i]->name);
    usage_error(request, "%s of %s has specialisations: say which of %s", name, model->source->path, text.at);
    return NULL;
}

Entry *entry_named(Request *request, const Model *model, const char *name) {
    int count = model->entries.count;
    const char **names = NEW_ARRAY(request->arena, const char *, count + 1);
    EntryList found = {0};
    Text text;
    text_init(&text, request->arena);
    for (int i = 0; i < count; i++) {
        Entry *entry = model->entries.at[i];
        if (name ? entry_called(entry, name) : count == 1) vec_push(request->arena, &found, entry);
        names[i] = entry->name;
        text_printf(&text, "%s%s", i ? ", " : "", names[i]);
    }
    if (found.count) return one_of(request, model, name, &found);
    if (!count)
        complain("%s has no entry point: write a graph or train item", model->source->path);
    else if (name)
        usage_error(request, "%s has no entry point %s%s (there are %s)", model->source->path, name,
                    did_you_mean(request->arena, name, names, count), text.at);
    else
        usage_error(request, "which entry point of %s? There are %s", model->source->path, text.at);
    return NULL;
}

const char *file_stem(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return arena_strndup(arena, name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

bool write_stdout(const char *bytes, size_t size) {
    if (fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0) return true;
    complain("cannot write to standard output: %s", strerror(errno));
    return false;
}

bool file_written(const char *path, const Text *text) {
    if (text_write_file(path, text->at, text->length)) return true;
    complain("cannot write %s: %s", path, strerror(errno));
    return false;
}

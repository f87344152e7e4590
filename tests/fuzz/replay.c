/* replay.c: a plain main around a fuzz target, for machines without libFuzzer, and the text form of corpora.
 *
 *     target-replay FILE…                 runs every input of these files, and says which one it is when one fails
 *     target-replay --mutate N FILE…      and N inputs that the target's mutator makes of them, the same ones each time
 *     target-replay --unpack FILE FOLDER  writes each input to a file of its own, as libFuzzer wants them
 *     target-replay --pack FOLDER         prints the inputs in a folder in the text form, smallest first
 *
 * The text form has one input per line; `\n` is a line end, `\\` a backslash, `\x00` any other byte that is not
 * printable ASCII. Lines that begin with `# ` say where the next input comes from, empty ones part.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST = 1 << 20 };

typedef struct Input {
    uint8_t *data;
    size_t size;
} Input;

typedef struct Inputs {
    Input *at;
    int count, capacity;
} Inputs;

static void *checked(void *memory) {
    if (memory) return memory;
    fprintf(stderr, "replay: out of memory\n");
    exit(70);
}

static void add(Inputs *inputs, const uint8_t *data, size_t size) {
    if (inputs->count == inputs->capacity) {
        inputs->capacity = inputs->capacity ? 2 * inputs->capacity : 256;
        inputs->at = checked(realloc(inputs->at, sizeof *inputs->at * (size_t)inputs->capacity));
    }
    uint8_t *copy = checked(malloc(size ? size : 1));
    memcpy(copy, data, size);
    inputs->at[inputs->count++] = (Input){copy, size};
}

static void release(Inputs *inputs) {
    for (int i = 0; i < inputs->count; i++) free(inputs->at[i].data);
    free(inputs->at);
}

/* ---- the text form ---- */

static size_t decode(const char *line, size_t length, uint8_t *to) {
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        if (line[i] != '\\' || i + 1 == length) {
            to[size++] = (uint8_t)line[i];
            continue;
        }
        char kind = line[++i], digits[3] = {0};
        if (kind == 'x' && i + 2 < length) {
            memcpy(digits, line + i + 1, 2);
            i += 2;
        }
        to[size++] = kind == 'n' ? '\n' : kind == 'x' ? (uint8_t)strtoul(digits, NULL, 16) : (uint8_t)kind;
    }
    return size;
}

static void print_encoded(const Input *input) {
    for (size_t i = 0; i < input->size; i++) {
        uint8_t byte = input->data[i];
        bool opens_comment = i == 0 && byte == '#' && input->size > 1 && input->data[1] == ' ';
        if (byte == '\n')
            printf("\\n");
        else if (byte == '\\')
            printf("\\\\");
        else if (byte < 0x20 || byte > 0x7E || opens_comment)
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
    if (input->size == 0) printf("\\");
    putchar('\n');
}

static void read_inputs(Inputs *inputs, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(3);
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, file)) > 0) {
        if (line[length - 1] == '\n') length--;
        if (length == 0 || strncmp(line, "# ", 2) == 0) continue;
        uint8_t *bytes = checked(malloc((size_t)length));
        size_t size = length == 1 && line[0] == '\\' ? 0 : decode(line, (size_t)length, bytes);
        add(inputs, bytes, size);
        free(bytes);
    }
    free(line);
    fclose(file);
}

/* ---- folders of files ---- */

static int unpack(const char *path, const char *folder) {
    Inputs inputs = {0};
    read_inputs(&inputs, path);
    mkdir(folder, 0777);
    for (int i = 0; i < inputs.count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%05d", folder, i);
        FILE *file = fopen(name, "wb");
        if (!file || fwrite(inputs.at[i].data, 1, inputs.at[i].size, file) != inputs.at[i].size || fclose(file) != 0) {
            perror(name);
            return 3;
        }
    }
    release(&inputs);
    return 0;
}

static int by_size_and_bytes(const void *a, const void *b) {
    const Input *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    return memcmp(x->data, y->data, x->size);
}

static int pack(const char *folder) {
    Inputs inputs = {0};
    DIR *entries = opendir(folder);
    uint8_t *bytes = checked(malloc(LONGEST));
    if (!entries) {
        perror(folder);
        return 3;
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        char name[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(name, "rb");
        if (!file) continue;
        add(&inputs, bytes, fread(bytes, 1, LONGEST, file));
        fclose(file);
    }
    closedir(entries);
    free(bytes);
    if (inputs.count) qsort(inputs.at, (size_t)inputs.count, sizeof *inputs.at, by_size_and_bytes);
    for (int i = 0; i < inputs.count; i++) print_encoded(&inputs.at[i]);
    release(&inputs);
    return 0;
}

/* ---- running ---- */

static Input running;

/* Says which input was running: a sanitizer or a failed promise ends the program in the midst of it. */
static void say_running(void) {
    if (!running.data) return;
    printf("\nthe input was:\n");
    print_encoded(&running);
    fflush(stdout);
}

void __asan_on_error(void); /* the sanitizer calls it before its report */
void __asan_on_error(void) {
    say_running();
}

static void run(const uint8_t *data, size_t size) {
    running = (Input){checked(malloc(size + 1)), size};
    memcpy(running.data, data, size);
    LLVMFuzzerTestOneInput(running.data, size);
    free(running.data);
    running = (Input){0};
}

/* What libFuzzer's own mutator would do, in small: a byte is changed, doubled or dropped. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most) {
    static Random random = {1};
    size_t at = random_below(&random, (uint32_t)size);
    uint32_t kind = random_below(&random, 3);
    if (size == 0 || (kind == 0 && size < most)) {
        memmove(data + at + 1, data + at, size - at);
        data[at] = (uint8_t)random_below(&random, 256);
        return size + 1;
    }
    if (kind == 1 && size > 1) {
        memmove(data + at, data + at + 1, size - at - 1);
        return size - 1;
    }
    data[at] = (uint8_t)random_below(&random, 256);
    return size;
}

static void run_mutated(const Inputs *inputs, int count) {
    enum { MOST = 2048 };
    uint8_t *bytes = checked(malloc(MOST));
    Random random = random_of(1);
    for (int i = 0; i < count && inputs->count; i++) {
        const Input *from = &inputs->at[random_below(&random, (uint32_t)inputs->count)];
        const Input *other = &inputs->at[random_below(&random, (uint32_t)inputs->count)];
        size_t size = from->size < MOST ? from->size : MOST;
        memcpy(bytes, from->data, size);
        if (i % 4 == 3)
            size = LLVMFuzzerCustomCrossOver(from->data, size, other->data, other->size < MOST ? other->size : MOST,
                                             bytes, MOST, (unsigned)i);
        size = LLVMFuzzerCustomMutator(bytes, size, MOST, (unsigned)i);
        run(bytes, size);
    }
    free(bytes);
}

int main(int argc, char **argv) {
    int first = 1, mutations = 0;
    if (argc == 4 && strcmp(argv[1], "--unpack") == 0) return unpack(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "--pack") == 0) return pack(argv[2]);
    if (argc > 3 && strcmp(argv[1], "--mutate") == 0) {
        mutations = atoi(argv[2]);
        first = 3;
    }
    LLVMFuzzerInitialize(&argc, &argv);
    atexit(say_running);
    Inputs inputs = {0};
    for (int i = first; i < argc; i++) read_inputs(&inputs, argv[i]);
    for (int i = 0; i < inputs.count; i++) run(inputs.at[i].data, inputs.at[i].size);
    run_mutated(&inputs, mutations);
    release(&inputs);
    return 0;
}

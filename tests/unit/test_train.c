/* The training program, run in this process on a linear regression written by hand: what the compiler would emit for
 *
 *     train step(x: [4, 3], y: [4]) -> (loss: []) { … } using sgd(lr = 0.05, momentum = 0.9)
 *     train slow(x: [4, 3], y: [4]) -> (loss: []) { … } using sgd(…) , accumulate = 2
 *     graph valid(x: [4, 3], y: [4]) -> (loss: [])
 *
 * with noise keyed by seed and call in the place of dropout. Resuming is checked bit for bit.
 */
#include <CUnit/Basic.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tg_files.h"

enum { BATCH = 4, FEATURES = 3, WEIGHTS = FEATURES + 1, EXAMPLES = 10 };

/* ---- the model ---- */

/* What the model does at a call, set by tests. */
static uint64_t interrupt_at, nan_at, fail_at, inf_norm_at;
static int seen[64][BATCH], calls_seen; /* the examples of each call, by their first feature */

static double example_loss(const float *w, const float *x, float y, float *error) {
    *error = w[FEATURES] - y;
    for (int i = 0; i < FEATURES; i++) *error += w[i] * x[i];
    return (double)*error * (double)*error / BATCH;
}

static double batch_loss(const tg_model *model, const void *const *inputs, float *gradient) {
    const float *w = (const float *)model->params, *x = inputs[0], *y = inputs[1];
    double loss = 0;
    for (int row = 0; row < BATCH; row++, x += FEATURES) {
        float error;
        loss += example_loss(w, x, y[row], &error);
        if (!gradient) continue;
        for (int i = 0; i < FEATURES; i++) gradient[i] += error * x[i] * 2 / BATCH;
        gradient[FEATURES] += error * 2 / BATCH;
    }
    return loss;
}

static void update(tg_model *model, const float *gradient, float scale) {
    float *w = (float *)model->params, *momentum = (float *)model->states;
    double norm = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        momentum[i] = 0.9f * momentum[i] + gradient[i] * scale;
        w[i] -= 0.01f * momentum[i];
        norm += (double)(gradient[i] * scale) * (double)(gradient[i] * scale);
    }
    model->step++;
    model->learning_rate = 0.01;
    model->gradient_norm = model->step == inf_norm_at ? INFINITY : sqrt(norm);
}

static tg_status train_call(tg_model *model, const void *const *inputs, void *const *results, int accumulate) {
    float *partial = (float *)model->states + WEIGHTS, gradient[WEIGHTS] = {0};
    const uint32_t key[2] = {(uint32_t)model->seed, (uint32_t)model->calls}, counter[2] = {0, 0};
    uint32_t noise[2];
    if (model->calls + 1 == fail_at) return tg_fail(model, TG_VALUE, "step: ids: element 3 is 9, not in 0 to 7");
    model->status = TG_OK;
    for (int row = 0; row < BATCH && calls_seen < 64; row++)
        seen[calls_seen][row] = (int)((const float *)inputs[0])[row * FEATURES];
    calls_seen++;
    double loss = batch_loss(model, inputs, gradient);
    tg_threefry(key, counter, noise);
    gradient[0] += (float)noise[0] * 0x1p-36f;
    *(float *)results[0] = model->calls + 1 == nan_at ? NAN : (float)loss;
    ((float *)results[1])[0] = 1;
    for (int i = 0; i < WEIGHTS; i++) partial[i] += gradient[i];
    model->calls++;
    if (model->calls % (uint64_t)accumulate == 0) {
        update(model, partial, 1.0f / (float)accumulate);
        memset(partial, 0, sizeof gradient);
    }
    if (model->calls == interrupt_at) raise(SIGINT);
    return TG_OK;
}

static tg_status call_step(tg_model *model, const void *const *inputs, void *const *results) {
    return train_call(model, inputs, results, 1);
}
static tg_status call_slow(tg_model *model, const void *const *inputs, void *const *results) {
    return train_call(model, inputs, results, 2);
}
static tg_status call_valid(tg_model *model, const void *const *inputs, void *const *results) {
    *(float *)results[0] = (float)batch_loss(model, inputs, NULL);
    return TG_OK;
}

static const int64_t shape_x[] = {BATCH, FEATURES}, shape_y[] = {BATCH}, shape_w[] = {WEIGHTS};
static const tg_tensor inputs_xy[] = {{.name = "x", .dtype = TG_F32, .rank = 2, .shape = shape_x, .count = 12},
                                      {.name = "y", .dtype = TG_F32, .rank = 1, .shape = shape_y, .count = 4}};
static const tg_tensor inputs_mixed[] = {{.name = "x", .dtype = TG_F32, .rank = 2, .shape = shape_x, .count = 12},
                                         {.name = "rate", .dtype = TG_F32, .count = 1}};
static const tg_tensor results[] = {{.name = "loss", .dtype = TG_F32, .count = 1},
                                    {.name = "more", .dtype = TG_F32, .rank = 1, .shape = shape_w, .count = 4}};
static const tg_entry entries[] = {
    {.name = "step",
     .train = 1,
     .input_count = 2,
     .result_count = 2,
     .inputs = inputs_xy,
     .results = results,
     .call = call_step,
     .accumulate = 1},
    {.name = "valid",
     .train = 0,
     .input_count = 2,
     .result_count = 1,
     .inputs = inputs_xy,
     .results = results,
     .call = call_valid,
     .accumulate = 1},
    {.name = "slow",
     .train = 1,
     .input_count = 2,
     .result_count = 2,
     .inputs = inputs_xy,
     .results = results,
     .call = call_slow,
     .accumulate = 2},
    {.name = "mixed",
     .train = 1,
     .input_count = 2,
     .result_count = 2,
     .inputs = inputs_mixed,
     .results = results,
     .call = call_step,
     .accumulate = 1},
};
static const tg_tensor params[] = {
    {.name = "w", .dtype = TG_F32, .rank = 1, .shape = shape_w, .count = WEIGHTS, .init = TG_INIT_NORMAL, .b = 0.1}};
static const tg_tensor states[] = {
    {.name = "w.m", .dtype = TG_F32, .rank = 1, .shape = shape_w, .count = WEIGHTS},
    {.name = "w.sum", .dtype = TG_F32, .rank = 1, .shape = shape_w, .count = WEIGHTS, .offset = 16}};
static const tg_info info = {.abi = TG_ABI,
                             .name = "line",
                             .float_type = TG_F32,
                             .entry_count = 4,
                             .entries = entries,
                             .param_count = 1,
                             .params = params,
                             .param_bytes = 16,
                             .state_count = 2,
                             .states = states,
                             .state_bytes = 32,
                             .json = "{}"};

/* ---- running it ---- */

static char folder[] = "/tmp/tg-train-XXXXXX";
static char said[8192]; /* the standard error of the last run */

/* Runs `line-train …` with words separated by spaces; "@" in a word stands for the tests' folder. */
static int run_model(const tg_info *model, const char *line) {
    static char words[32][256];
    char *argv[33] = {words[0]}, copy[1024], path[64];
    int argc = 1;
    snprintf(words[0], sizeof words[0], "line-train");
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        char *at = strchr(word, '@');
        if (at)
            snprintf(words[argc], sizeof words[0], "%.*s%s%s", (int)(at - word), word, folder, at + 1);
        else
            snprintf(words[argc], sizeof words[0], "%s", word);
        argv[argc] = words[argc];
        argc++;
    }
    snprintf(path, sizeof path, "%s/said", folder);
    calls_seen = 0;
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    FILE *file = freopen(path, "w+", stderr);
    int status = tg_train_main(model, argc, argv);
    fflush(file);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    return status;
}

static int run(const char *line) {
    return run_model(&info, line);
}

static const char *at(const char *name) {
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int exists(const char *name) {
    return access(at(name), F_OK) == 0;
}

static int same_files(const char *a, const char *b) {
    static char left[1 << 16], right[1 << 16];
    FILE *x = fopen(at(a), "rb"), *y = fopen(at(b), "rb");
    size_t m = x ? fread(left, 1, sizeof left, x) : 1, n = y ? fread(right, 1, sizeof right, y) : 2;
    if (x) fclose(x);
    if (y) fclose(y);
    return m == n && memcmp(left, right, m) == 0;
}

static int lines_of(const char *name, char *last, size_t size) {
    FILE *file = fopen(at(name), "r");
    int count = 0;
    while (file && fgets(last, (int)size, file)) count++;
    if (file) fclose(file);
    return count;
}

/* x[i] = (i, i mod 3, 1 / (i + 1)), y = 0.1 i - 1. */
static void put_data(const char *name, int64_t examples, int64_t features, int64_t labels, tg_dtype dtype) {
    float x[64 * 4] = {0}, y[64] = {0};
    char text[256];
    for (int64_t i = 0; i < examples; i++) {
        x[i * features] = (float)i;
        x[i * features + 1] = (float)(i % 3);
        x[i * features + 2] = 1 / (float)(i + 1);
        y[i] = 0.1f * (float)i - 1;
    }
    const tg_file_out tensors[] = {{"x", dtype, 2, (const int64_t[]){examples, features}, x},
                                   {"y", TG_F32, 1, (const int64_t[]){labels}, y}};
    CU_ASSERT_EQUAL(tg_file_write(at(name), tensors, 2, NULL, text, sizeof text), TG_OK);
}

/* ---- the command line ---- */

static void test_usage(void) {
    static const struct {
        const char *line;
        int status;
        const char *says;
    } rows[] = {
        {"--steps 3 --dat x", 2, "unknown option '--dat'"},
        {"", 2, "--data is missing"},
        {"--data @/data", 2, "--steps is missing"},
        {"--data @/data --steps", 2, "--steps needs a value: --steps N"},
        {"--data @/data --steps -3", 2, "--steps needs a whole number, not '-3'"},
        {"--data @/data --steps=3x", 2, "not '3x'"},
        {"--data @/data --steps 99999999999999999999", 2, "whole number"},
        {"--data @/data --steps 3 --epochs 2", 2, "not both"},
        {"--data @/data --steps 3 --log-every 0", 2, "--log-every"},
        {"--data @/data --steps 3", 2, "several train entries"},
        {"--data @/data --steps 3 --entry valid", 2, "no train entry valid"},
        {"--data @/absent --steps 3 --entry step --out @/out", 3, "absent: cannot be opened"},
        {"--data @/data --steps 3 --entry step --init @/absent --out @/out", 3, "absent"},
        {"--data @/data --steps 3 --entry step --resume @/absent", 3, "absent/checkpoint.safetensors"},
        {"--data @/data --steps 3 --entry step --out @/data/out", 3, "data/out: cannot be made"},
        {"--data @/data --steps 3 --entry mixed --out @/out", 1, "every input has to be the batch"},
        {"--data @/narrow --steps 3 --entry step --out @/out", 1,
         "tensor x is F32 [10, 4]; entry step wants F32 [examples, 3]"},
        {"--data @/typed --steps 3 --entry step --out @/out", 1, "tensor x is I32 [10, 3]"},
        {"--data @/uneven --steps 3 --entry step --out @/out", 1, "x has 10 examples, y has 9"},
        {"--data @/few --steps 3 --entry step --out @/out", 1, "3 examples, fewer than one batch of 4"},
        {"--data @/untensored --steps 3 --entry step --out @/out", 1, "no tensor x"},
        {"--data @/said --steps 3 --entry step --out @/out", 1, "said"},
        {"--data @/data --valid @/data --entry slow --steps 2 --out @/out", 0, "validation loss"},
    };
    char text[256];
    put_data("data", EXAMPLES, FEATURES, EXAMPLES, TG_F32);
    put_data("narrow", EXAMPLES, 4, EXAMPLES, TG_F32);
    put_data("typed", EXAMPLES, FEATURES, EXAMPLES, TG_I32);
    put_data("uneven", EXAMPLES, FEATURES, EXAMPLES - 1, TG_F32);
    put_data("few", 3, FEATURES, 3, TG_F32);
    CU_ASSERT_EQUAL(tg_file_write(at("untensored"), NULL, 0, NULL, text, sizeof text), TG_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = run(rows[i].line);
        CU_ASSERT_TRUE(status == rows[i].status && strstr(said, rows[i].says));
        if (status != rows[i].status || !strstr(said, rows[i].says))
            printf("\n  %s: %d %s", rows[i].line, status, said);
    }
}

static void test_valid_needs_an_entry(void) {
    tg_info other = info;
    tg_entry without[2] = {entries[0], entries[1]};
    without[1].name = "test";
    other.entries = without;
    other.entry_count = 2;
    CU_ASSERT_EQUAL(run_model(&other, "--data @/data --valid @/data --steps 3 --out @/out"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "graph entry step_valid or valid"));
    other.entry_count = 1;
    other.entries = &entries[1];
    CU_ASSERT_EQUAL(run_model(&other, "--data @/data --steps 3 --out @/out"), 1);
}

/* ---- training ---- */

static void test_learns_and_logs(void) {
    char line[512];
    float w[WEIGHTS];
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 200 --log-every 50 --out @/deep/er/run"), 0);
    CU_ASSERT_EQUAL(lines_of("deep/er/run/log.jsonl", line, sizeof line), 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "{\"step\":200,\"loss\":"));
    CU_ASSERT_TRUE(strtod(strstr(line, "loss\":") + 6, NULL) < 0.02);
    for (const char *const *key = (const char *const[]){"learning_rate", "gradient_norm", "seconds", "memory", NULL};
         *key; key++)
        CU_ASSERT_PTR_NOT_NULL(strstr(line, *key));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "step 200/200  loss "));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "examples/s"));
    tg_file *file;
    CU_ASSERT_EQUAL_FATAL(tg_file_open(&file, at("deep/er/run/weights.safetensors"), line, sizeof line), TG_OK);
    CU_ASSERT_EQUAL(tg_file_read(file, tg_file_find(file, "w"), 0, sizeof w, w, line, sizeof line), TG_OK);
    CU_ASSERT_DOUBLE_EQUAL(w[0], 0.1, 0.03);
    tg_file_close(file);
}

/* Ten calls of four are four epochs of ten: each epoch has every example once, in an order of its own. */
static void test_epochs_and_order(void) {
    int first[4 * EXAMPLES], again[4 * EXAMPLES];
    CU_ASSERT_EQUAL(run("--data @/data --entry step --epochs 4 --seed 5 --out @/epochs"), 0);
    CU_ASSERT_EQUAL(calls_seen, 10);
    memcpy(first, seen, sizeof first);
    for (int epoch = 0; epoch < 4; epoch++) {
        int found[EXAMPLES] = {0};
        for (int i = 0; i < EXAMPLES; i++) found[first[epoch * EXAMPLES + i]]++;
        for (int i = 0; i < EXAMPLES; i++) CU_ASSERT_EQUAL(found[i], 1);
    }
    CU_ASSERT_NOT_EQUAL(memcmp(first, first + EXAMPLES, sizeof(int[EXAMPLES])), 0);
    run("--data @/data --entry step --epochs 4 --seed 5 --out @/epochs");
    memcpy(again, seen, sizeof again);
    CU_ASSERT_EQUAL(memcmp(first, again, sizeof first), 0);
    run("--data @/data --entry step --epochs 4 --seed 6 --out @/epochs");
    CU_ASSERT_NOT_EQUAL(memcmp(first, seen, sizeof first), 0);
}

static void test_resume_is_exact(void) {
    static const char *const names[] = {"step", "slow"};
    for (int i = 0; i < 2; i++) {
        char line[256], last[512];
        snprintf(line, sizeof line, "--data @/data --entry %s --seed 3 --log-every 1 --steps 31 --out @/whole",
                 names[i]);
        CU_ASSERT_EQUAL(run(line), 0);
        snprintf(line, sizeof line, "--data @/data --entry %s --seed 3 --log-every 1 --steps 13 --out @/parts",
                 names[i]);
        CU_ASSERT_EQUAL(run(line), 0);
        CU_ASSERT_FALSE(same_files("whole/checkpoint.safetensors", "parts/checkpoint.safetensors"));
        snprintf(line, sizeof line, "--data @/data --entry %s --log-every 1 --steps 31 --resume @/parts", names[i]);
        CU_ASSERT_EQUAL(run(line), 0);
        CU_ASSERT_TRUE(same_files("whole/checkpoint.safetensors", "parts/checkpoint.safetensors"));
        CU_ASSERT_TRUE(same_files("whole/weights.safetensors", "parts/weights.safetensors"));
        CU_ASSERT_EQUAL(lines_of("parts/log.jsonl", last, sizeof last), 31);
    }
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 31 --seed 3 --resume @/parts"), 0);
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 31 --seed 4 --resume @/parts"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "was begun with --seed 3"));
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 40 --resume @/parts"), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "made by the train entry slow"));
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 5 --resume @/parts"), 0);
    CU_ASSERT_TRUE(same_files("whole/checkpoint.safetensors", "parts/checkpoint.safetensors"));
}

static void test_interrupt_saves(void) {
    char last[512];
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 20 --log-every 1 --out @/whole"), 0);
    interrupt_at = 13; /* in the middle of update 7 */
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 20 --log-every 1 --out @/cut"), 130);
    interrupt_at = 0;
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "interrupted; step 7 is saved"));
    CU_ASSERT_EQUAL(lines_of("cut/log.jsonl", last, sizeof last), 7);
    CU_ASSERT_TRUE(exists("cut/weights.safetensors"));
    /* A line of a step after the checkpoint, as a kill would leave it, is made again. */
    FILE *log = fopen(at("cut/log.jsonl"), "a");
    fputs("{\"step\":8,\"loss\":1}\n{\"step\":9,", log);
    fclose(log);
    CU_ASSERT_EQUAL(run("--data @/data --entry slow --steps 20 --log-every 1 --resume @/cut"), 0);
    CU_ASSERT_TRUE(same_files("whole/checkpoint.safetensors", "cut/checkpoint.safetensors"));
    CU_ASSERT_EQUAL(lines_of("cut/log.jsonl", last, sizeof last), 20);
}

static void test_wrong_values(void) {
    nan_at = 8;
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 20 --save-every 5 --out @/nan"), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "step 8: the loss is nan"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "checkpoint.safetensors holds step 5"));
    nan_at = 2;
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 20 --out @/nan2"), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "no checkpoint yet"));
    CU_ASSERT_FALSE(exists("nan2/checkpoint.safetensors"));
    nan_at = 0, inf_norm_at = 3;
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 20 --out @/inf"), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "the gradient's norm is inf"));
    inf_norm_at = 0, fail_at = 4;
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 20 --out @/fail"), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "ids: element 3 is 9"));
    fail_at = 0;
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 20 --resume @/nan"), 0);
}

static void test_init_and_valid(void) {
    char last[512];
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 200 --out @/first"), 0);
    CU_ASSERT_EQUAL(run("--data @/data --valid @/data --valid-every 2 --entry step --steps 5 --log-every 100 --init "
                        "@/first/weights.safetensors --out @/second"),
                    0);
    CU_ASSERT_EQUAL(lines_of("second/log.jsonl", last, sizeof last), 4); /* valid 2, valid 4, step 5, valid 5 */
    CU_ASSERT_PTR_NOT_NULL(strstr(last, "{\"step\":5,\"valid_loss\":"));
    CU_ASSERT_TRUE(strtod(strstr(last, "valid_loss\":") + 12, NULL) < 0.05);
}

/* A limit on the size of files stands for a full disk. */
static void test_full_disk(void) {
    struct rlimit limit;
    char last[512];
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 4 --log-every 1 --out @/full"), 0);
    CU_ASSERT_EQUAL(run("--data @/data --entry step --steps 4 --log-every 1 --out @/before"), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    struct rlimit small = {.rlim_cur = 300, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    int logging = run("--data @/data --entry step --steps 9 --log-every 1 --resume @/full");
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "log.jsonl: cannot be written"));
    int saving = run("--data @/data --entry step --steps 9 --log-every 100 --out @/full");
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "checkpoint.safetensors: cannot be written"));
    setrlimit(RLIMIT_FSIZE, &limit);
    CU_ASSERT_TRUE(logging == 3 && saving == 3);
    CU_ASSERT_TRUE(same_files("before/checkpoint.safetensors", "full/checkpoint.safetensors"));
    CU_ASSERT_FALSE(exists("full/checkpoint.safetensors.tmp"));
    lines_of("full/log.jsonl", last, sizeof last);
    CU_ASSERT_TRUE(last[strlen(last) - 1] == '\n');
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    signal(SIGXFSZ, SIG_IGN);
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("train", NULL, NULL);
    CU_ADD_TEST(suite, test_usage);
    CU_ADD_TEST(suite, test_valid_needs_an_entry);
    CU_ADD_TEST(suite, test_learns_and_logs);
    CU_ADD_TEST(suite, test_epochs_and_order);
    CU_ADD_TEST(suite, test_resume_is_exact);
    CU_ADD_TEST(suite, test_interrupt_saves);
    CU_ADD_TEST(suite, test_wrong_values);
    CU_ADD_TEST(suite, test_init_and_valid);
    CU_ADD_TEST(suite, test_full_disk);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed != 0;
}

/* Safetensors files and checkpoints: what is written is read back, what is malformed is refused with a reason, and a
 * failure leaves files and models as they were. */
#include <CUnit/Basic.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tg_files.h"

/* Under a sanitizer, too, a request for more memory than there is answers NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static char folder[] = "/tmp/tg-files-XXXXXX";
static char text[512];

static const char *at(const char *name) {
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A file with this header and so many bytes of data; `length` < 0: the header's own length. */
static void put_file(const char *path, const char *header, size_t header_bytes, long long length, size_t data) {
    size_t size = 8 + header_bytes + data;
    unsigned char *bytes = calloc(1, size);
    unsigned long long said = length < 0 ? header_bytes : (unsigned long long)length;
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(said >> 8 * i);
    memcpy(bytes + 8, header, header_bytes);
    put_bytes(path, bytes, size);
    free(bytes);
}

static size_t size_of(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 ? (size_t)about.st_size : (size_t)-1;
}

/* ---- malformed files ---- */

#define A "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
static const struct {
    const char *header;
    long long length;
    size_t data;
    tg_status status;
    const char *says;
} malformed[] = {
    {"{\"a\":" A "}", -1, 8, TG_OK, ""},
    {"{\"a\":" A "}   ", -1, 8, TG_OK, ""},
    {"{}", -1, 0, TG_OK, ""},
    {"{\"a\":" A "}", 1000, 8, TG_FORMAT, "cut short"},
    {"{\"a\":" A "}", 100000001, 8, TG_FORMAT, "limit"},
    {"{\"a\":" A "}", 0x7FFFFFFFFFFFFFFF, 8, TG_FORMAT, "limit"},
    {"{\"a\":" A "}", 20, 8, TG_FORMAT, "JSON"},
    {"", -1, 0, TG_FORMAT, "JSON"},
    {"[]", -1, 0, TG_FORMAT, "JSON"},
    {"{\"a\":" A "} x", -1, 8, TG_FORMAT, "JSON"},
    {"{\"a\":" A, -1, 8, TG_FORMAT, "JSON"},
    {"{\"a\xff\":" A "}", -1, 8, TG_FORMAT, "UTF-8"},
    {"{\"a\xed\xa0\x80\":" A "}", -1, 8, TG_FORMAT, "UTF-8"},
    {"{\"a\xc0\x80\":" A "}", -1, 8, TG_FORMAT, "UTF-8"},
    {"{\"\xe3\x81\x82\":" A "}", -1, 8, TG_OK, ""},
    {"{\"a\\u0000b\":" A "}", -1, 8, TG_FORMAT, "zero"},
    {"{\"a\":" A "}", -1, 7, TG_FORMAT, "cut short"},
    {"{\"a\":" A ",\"a\":" A "}", -1, 8, TG_FORMAT, "name a"},
    {"{\"a\":" A ",\"b\":" A "}", -1, 8, TG_FORMAT, "overlap"},
    {"{\"a\":" A ",\"b\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[7,10]}}", -1, 10, TG_FORMAT, "overlap"},
    {"{\"a\":" A ",\"b\":{\"dtype\":\"BOOL\",\"shape\":[0,4],\"data_offsets\":[8,8]}}", -1, 8, TG_OK, ""},
    {"{\"a\":3}", -1, 8, TG_FORMAT, "not an object"},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "no dtype"},
    {"{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "I64"},
    {"{\"a\":{\"dtype\":5,\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "no dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "no shape"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "axes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[0,0]}}", -1, 8, TG_FORMAT,
     "more"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]}}", -1, 8, TG_FORMAT,
     "more"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", -1, 8, TG_FORMAT, "12 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", -1, 8, TG_FORMAT, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", -1, 8, TG_FORMAT, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", -1, 8, TG_FORMAT, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", -1, 8, TG_FORMAT, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]}}", -1, 8, TG_OK, ""},
    {"{\"__metadata__\":{\"k\":\"v\"},\"a\":" A "}", -1, 8, TG_OK, ""},
    {"{\"__metadata__\":{\"k\":1},\"a\":" A "}", -1, 8, TG_FORMAT, "not a text"},
    {"{\"__metadata__\":[],\"a\":" A "}", -1, 8, TG_FORMAT, "not an object"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", -1, 0, TG_FORMAT, "twice"},
};

static void test_malformed(void) {
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        tg_file *file;
        const char *path = at("malformed");
        put_file(path, malformed[i].header, strlen(malformed[i].header), malformed[i].length, malformed[i].data);
        text[0] = 0;
        tg_status status = tg_file_open(&file, path, text, sizeof text);
        int as_said = status == malformed[i].status && (file != NULL) == (status == TG_OK) &&
                      strstr(text, malformed[i].says) && (!status || strstr(text, "malformed"));
        CU_ASSERT_TRUE(as_said);
        if (!as_said) printf("\n  %s: %d %s\n", malformed[i].header, status, text);
        tg_file_close(file);
    }
}

static void test_odd_files(void) {
    tg_file *file;
    put_bytes(at("short"), "abc", 3);
    CU_ASSERT_EQUAL(tg_file_open(&file, at("short"), text, sizeof text), TG_FORMAT);
    put_bytes(at("empty"), "", 0);
    CU_ASSERT_EQUAL(tg_file_open(&file, at("empty"), text, sizeof text), TG_FORMAT);
    CU_ASSERT_EQUAL(tg_file_open(&file, at("absent"), text, sizeof text), TG_FILE);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "absent"));
    CU_ASSERT_EQUAL(tg_file_open(&file, folder, text, sizeof text), TG_FILE);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "not a regular file"));
    put_file(at("nul"), "{\0}", 3, -1, 0);
    CU_ASSERT_EQUAL(tg_file_open(&file, at("nul"), text, sizeof text), TG_FORMAT);
    /* Deep nesting is refused, not followed. */
    char *deep = malloc(200000);
    memset(deep, '[', 200000);
    put_file(at("deep"), deep, 200000, -1, 0);
    CU_ASSERT_EQUAL(tg_file_open(&file, at("deep"), text, sizeof text), TG_FORMAT);
    free(deep);
    char tiny[4];
    CU_ASSERT_EQUAL(tg_file_open(&file, at("absent"), tiny, sizeof tiny), TG_FILE);
    CU_ASSERT_EQUAL(strlen(tiny), 3);
}

static void test_shrinks_while_open(void) {
    tg_file *file;
    float values[2];
    put_file(at("shrinks"), "{\"a\":" A "}", strlen("{\"a\":" A "}"), -1, 8);
    CU_ASSERT_EQUAL_FATAL(tg_file_open(&file, at("shrinks"), text, sizeof text), TG_OK);
    CU_ASSERT_EQUAL(truncate(at("shrinks"), (off_t)size_of(at("shrinks")) - 4), 0);
    CU_ASSERT_EQUAL(tg_file_read(file, tg_file_at(file, 0), 0, 8, values, text, sizeof text), TG_FILE);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "shorter"));
    CU_ASSERT_EQUAL(tg_file_read(file, tg_file_at(file, 0), 4, 8, values, text, sizeof text), TG_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(tg_file_read(file, tg_file_at(file, 0), UINT64_MAX, 2, values, text, sizeof text), TG_BAD_ARGUMENT);
    tg_file_close(file);
}

/* ---- writing ---- */

static const int64_t shape_a[] = {2, 3}, shape_none[] = {0, 5};
static const float data_a[] = {1, 2, 3, 4, 5, 6};
static const int32_t data_b[] = {-7};
static const uint8_t data_c[] = {1, 0};
static const double data_e[] = {M_PI, -INFINITY};
static const tg_file_out written[] = {
    {"a", TG_F32, 2, shape_a, data_a},
    {"quoted \"\\\n\xe3\x81\x82", TG_I32, 0, NULL, data_b},
    {"c", TG_BOOL, 1, (const int64_t[]){2}, data_c},
    {"d", TG_F32, 2, shape_none, NULL},
    {"e", TG_F64, 1, (const int64_t[]){2}, data_e},
};
enum { WRITTEN = sizeof written / sizeof *written };

static void test_round_trip(void) {
    const char *notes[] = {"step", "12", "text", "with \"quotes\"", NULL};
    tg_file *file;
    CU_ASSERT_EQUAL_FATAL(tg_file_write(at("whole"), written, WRITTEN, notes, text, sizeof text), TG_OK);
    CU_ASSERT_EQUAL_FATAL(tg_file_open(&file, at("whole"), text, sizeof text), TG_OK);
    CU_ASSERT_EQUAL(tg_file_count(file), WRITTEN);
    for (int i = 0; i < WRITTEN; i++) {
        const tg_file_tensor *tensor = tg_file_find(file, written[i].name);
        char bytes[64];
        CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
        CU_ASSERT_TRUE(tensor->dtype == written[i].dtype && tensor->rank == written[i].rank && tensor->bytes <= 64);
        CU_ASSERT_EQUAL(tg_file_read(file, tensor, 0, tensor->bytes, bytes, text, sizeof text), TG_OK);
        CU_ASSERT_TRUE(tensor->bytes == 0 || memcmp(bytes, written[i].data, (size_t)tensor->bytes) == 0);
    }
    float third;
    CU_ASSERT_EQUAL(tg_file_read(file, tg_file_find(file, "a"), 8, 4, &third, text, sizeof text), TG_OK);
    CU_ASSERT_EQUAL(third, 3);
    CU_ASSERT_STRING_EQUAL(tg_file_note(file, "text"), "with \"quotes\"");
    CU_ASSERT_PTR_NULL(tg_file_note(file, "absent"));
    CU_ASSERT_PTR_NULL(tg_file_at(file, WRITTEN));
    CU_ASSERT_EQUAL(tg_file_at(file, 0)->offset % 8, 0);
    tg_file_close(file);
    CU_ASSERT_EQUAL(size_of(at("whole.tmp")), (size_t)-1);
}

/* A limit on the size of files stands for a full disk. */
static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_full_disk(void) {
    CU_ASSERT_EQUAL(tg_file_write(at("kept"), written, 1, NULL, text, sizeof text), TG_OK);
    size_t before = size_of(at("kept"));
    limit_files(100);
    CU_ASSERT_EQUAL(tg_file_write(at("kept"), written, WRITTEN, NULL, text, sizeof text), TG_FILE);
    CU_ASSERT_EQUAL(tg_file_write(at("new"), written, WRITTEN, NULL, text, sizeof text), TG_FILE);
    limit_files(RLIM_INFINITY);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "cannot be written"));
    CU_ASSERT_EQUAL(size_of(at("kept")), before);
    CU_ASSERT_EQUAL(size_of(at("new")), (size_t)-1);
    CU_ASSERT_EQUAL(size_of(at("kept.tmp")), (size_t)-1);
}

static void test_unwritable(void) {
    struct stat about;
    CU_ASSERT_EQUAL(tg_file_write(at("no/folder"), written, 1, NULL, text, sizeof text), TG_FILE);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "no/folder"));
    CU_ASSERT_EQUAL(tg_file_write(folder, written, 1, NULL, text, sizeof text), TG_FILE);
    CU_ASSERT_EQUAL(tg_file_write("/dev/null", written, 1, NULL, text, sizeof text), TG_FILE);
    CU_ASSERT_TRUE(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
}

/* ---- models ---- */

static const tg_tensor params[] = {
    {.name = "W", .dtype = TG_F32, .rank = 2, .shape = shape_a, .count = 6, .init = TG_INIT_NORMAL, .b = 1},
    {.name = "b", .dtype = TG_F32, .rank = 1, .shape = (const int64_t[]){3}, .count = 3, .offset = 24},
};
static const tg_tensor states[] = {
    {.name = "m",
     .dtype = TG_F32,
     .rank = 1,
     .shape = (const int64_t[]){9},
     .count = 9,
     .init = TG_INIT_UNIFORM,
     .a = 1,
     .b = 2},
    {.name = "pos", .dtype = TG_I32, .rank = 0, .count = 1, .offset = 36, .a = 5},
};
static const tg_info info = {.abi = TG_ABI,
                             .name = "tiny",
                             .float_type = TG_F32,
                             .param_count = 2,
                             .params = params,
                             .param_bytes = 36,
                             .state_count = 2,
                             .states = states,
                             .state_bytes = 40,
                             .json = "{}"};

static tg_model *new_model(uint64_t seed) {
    tg_model *model;
    CU_ASSERT_EQUAL_FATAL(tg_model_new(&model, &info, &(tg_options){.threads = 1, .seed = seed}), TG_OK);
    return model;
}

static int same_blocks(const tg_model *a, const tg_model *b) {
    return memcmp(a->params, b->params, 36) == 0 && memcmp(a->states, b->states, 40) == 0;
}

static void test_first_values(void) {
    tg_model *a = new_model(7), *b = new_model(7), *c = new_model(8);
    const tg_tensor *found;
    CU_ASSERT_TRUE(same_blocks(a, b));
    CU_ASSERT_FALSE(same_blocks(a, c));
    CU_ASSERT_EQUAL(*(int32_t *)tg_model_data(a, "pos", &found), 5);
    CU_ASSERT_PTR_EQUAL(found, &states[1]);
    CU_ASSERT_PTR_NULL(tg_model_data(a, "absent", NULL));
    CU_ASSERT_EQUAL((uintptr_t)a->params % 64, 0);
    tg_model_reset(c, 7);
    CU_ASSERT_TRUE(same_blocks(a, c));
    tg_model_free(a);
    tg_model_free(b);
    tg_model_free(c);
    tg_info other = info;
    other.abi = TG_ABI + 1;
    CU_ASSERT_EQUAL(tg_model_new(&a, &other, NULL), TG_BAD_ARGUMENT);
    CU_ASSERT_PTR_NULL(a);
    other = info;
    other.arena_bytes = SIZE_MAX / 4;
    CU_ASSERT_EQUAL(tg_model_new(&a, &other, NULL), TG_NO_MEMORY);
    CU_ASSERT_PTR_NULL(a);
}

/* Known answers of Threefry-2x32 with 20 rounds, from the Random123 library's tests. */
static void test_threefry(void) {
    static const uint32_t rows[][6] = {
        {0, 0, 0, 0, 0x6b200159, 0x99ba4efe},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c, 0x483df7a0},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[2];
        tg_threefry(rows[i] + 2, rows[i], out);
        CU_ASSERT_TRUE(out[0] == rows[i][4] && out[1] == rows[i][5]);
    }
    enum { COUNT = 100000 };
    double *values = malloc(COUNT * sizeof *values), sum = 0, squares = 0;
    tg_random_fill(&(tg_tensor){.name = "x", .dtype = TG_F64, .count = COUNT, .init = TG_INIT_NORMAL, .a = 1, .b = 2},
                   3, values);
    for (int i = 0; i < COUNT; i++) sum += values[i], squares += (values[i] - 1) * (values[i] - 1);
    CU_ASSERT_DOUBLE_EQUAL(sum / COUNT, 1, 0.03);
    CU_ASSERT_DOUBLE_EQUAL(sqrt(squares / COUNT), 2, 0.03);
    free(values);
}

static void test_weights(void) {
    tg_model *a = new_model(1), *b = new_model(2);
    CU_ASSERT_EQUAL(tg_model_save(a, at("weights")), TG_OK);
    CU_ASSERT_EQUAL(tg_model_load(b, at("weights")), TG_OK);
    CU_ASSERT_EQUAL(memcmp(a->params, b->params, 36), 0);
    tg_model_free(a);
    tg_model_free(b);
}

/* A file that lacks, misshapes or mistypes one tensor changes nothing, not even the tensors before it. */
static void test_load_is_all_or_nothing(void) {
    static const int64_t three[] = {3}, four[] = {4};
    static const float zeros[6] = {0};
    static const double wide[6] = {1, 2, 3, 4, 5, 6};
    const struct {
        tg_file_out tensors[3];
        int count;
        tg_status status;
        const char *says;
    } rows[] = {
        {{{"W", TG_F32, 2, shape_a, zeros}}, 1, TG_FORMAT, "no tensor b"},
        {{{"W", TG_F32, 2, shape_a, zeros}, {"b", TG_F32, 1, four, zeros}},
         2,
         TG_FORMAT,
         "tensor b is [4], the model's is [3]"},
        {{{"W", TG_F32, 2, shape_a, zeros}, {"b", TG_I32, 1, three, zeros}}, 2, TG_FORMAT, "holds I32"},
        {{{"x", TG_F32, 1, four, zeros}, {"b", TG_F32, 1, three, zeros}, {"W", TG_F64, 2, shape_a, wide}},
         3,
         TG_OK,
         ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tg_model *model = new_model(1), *before = new_model(1);
        CU_ASSERT_EQUAL(tg_file_write(at("part"), rows[i].tensors, rows[i].count, NULL, text, sizeof text), TG_OK);
        CU_ASSERT_EQUAL(tg_model_load(model, at("part")), rows[i].status);
        CU_ASSERT_PTR_NOT_NULL(strstr(tg_error_text(model), rows[i].says));
        CU_ASSERT_EQUAL(same_blocks(model, before), rows[i].status != TG_OK);
        if (rows[i].status == TG_OK) CU_ASSERT_EQUAL(((float *)model->params)[5], 6);
        tg_model_free(model);
        tg_model_free(before);
    }
}

static void test_checkpoint(void) {
    tg_model *a = new_model(1), *b = new_model(2), *c = new_model(2);
    const char *notes[] = {"mine", "yes", NULL};
    tg_file *file;
    a->calls = 12, a->step = 6, a->seed = UINT64_MAX;
    CU_ASSERT_EQUAL(tg_checkpoint_save(a, at("checkpoint"), notes), TG_OK);
    CU_ASSERT_EQUAL(tg_checkpoint_load(b, at("checkpoint")), TG_OK);
    CU_ASSERT_TRUE(same_blocks(a, b) && b->calls == 12 && b->step == 6 && b->seed == UINT64_MAX);
    CU_ASSERT_EQUAL_FATAL(tg_file_open(&file, at("checkpoint"), text, sizeof text), TG_OK);
    CU_ASSERT_STRING_EQUAL(tg_file_note(file, "mine"), "yes");
    tg_file_close(file);
    CU_ASSERT_EQUAL(tg_model_save(a, at("weights")), TG_OK);
    CU_ASSERT_EQUAL(tg_checkpoint_load(c, at("weights")), TG_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(tg_error_text(c), "no checkpoint"));
    CU_ASSERT_EQUAL(truncate(at("checkpoint"), (off_t)size_of(at("checkpoint")) - 1), 0);
    CU_ASSERT_EQUAL(tg_checkpoint_load(c, at("checkpoint")), TG_FORMAT);
    CU_ASSERT_EQUAL(tg_checkpoint_load(c, at("absent")), TG_FILE);
    CU_ASSERT_EQUAL(c->step, 0);
    tg_model_free(a);
    tg_model_free(b);
    tg_model_free(c);
}

static void test_saving_fails_cleanly(void) {
    tg_model *model = new_model(1);
    CU_ASSERT_EQUAL(tg_checkpoint_save(model, at("no/folder"), NULL), TG_FILE);
    CU_ASSERT_PTR_NOT_NULL(strstr(tg_error_text(model), "no/folder"));
    CU_ASSERT_EQUAL(tg_model_save(model, at("weights")), TG_OK);
    tg_model_free(model);
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    signal(SIGXFSZ, SIG_IGN);
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("files", NULL, NULL);
    CU_ADD_TEST(suite, test_malformed);
    CU_ADD_TEST(suite, test_odd_files);
    CU_ADD_TEST(suite, test_shrinks_while_open);
    CU_ADD_TEST(suite, test_round_trip);
    CU_ADD_TEST(suite, test_full_disk);
    CU_ADD_TEST(suite, test_unwritable);
    CU_ADD_TEST(suite, test_first_values);
    CU_ADD_TEST(suite, test_threefry);
    CU_ADD_TEST(suite, test_weights);
    CU_ADD_TEST(suite, test_load_is_all_or_nothing);
    CU_ADD_TEST(suite, test_checkpoint);
    CU_ADD_TEST(suite, test_saving_fails_cleanly);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed != 0;
}

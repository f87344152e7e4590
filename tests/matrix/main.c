/* main.c: the command line of the gradient matrix.
 *
 *     matrix --all                  every case
 *     matrix --seed 3 --count 400   a random choice
 *     matrix --match softmax        those whose label has the text
 *     matrix --list                 their labels, without running anything
 *     matrix --cover                the counts of pairs, and whether each operation and built-in has a case
 *
 * Each batch is compiled and run in a process of its own; a batch that can't be built, or that crashes, is halved until
 * the case to blame stands alone. Files of cases that failed are left in the folder after --keep. Exit status 0 when
 * all hold, 1 otherwise, 2 for a mistake of usage. */
#include "matrix.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_SECONDS = 1800 };

typedef struct Asked {
    bool all, list, cover;
    const char *match, *keep;
    uint64_t seed;
    int count, batch;
} Asked;

static const Bounds bounds = {.f64 = 1e-9, .f32 = 1e-4, .difference = 1e-6};

static const struct option option_table[] = {
    {"all", no_argument, NULL, 'a'},
    {"seed", required_argument, NULL, 's'},
    {"count", required_argument, NULL, 'c'},
    {"match", required_argument, NULL, 'm'},
    {"list", no_argument, NULL, 'l'},
    {"cover", no_argument, NULL, 'v'},
    {"batch", required_argument, NULL, 'b'},
    {"keep", required_argument, NULL, 'k'},
    {NULL, 0, NULL, 0},
};

static int usage(void) {
    fputs("usage: matrix [--all | --seed S --count N] [--match TEXT] [--list | --cover] [--batch N] [--keep FOLDER]\n",
          stderr);
    return 2;
}

/* ---- what there is to run ---- */

static Cover add_families(List *list, uint64_t seed, bool print) {
    static const Family *const tables[] = {value_families, move_families, layer_families, attention_families};
    Cover sum = {0};
    size_t table = 0;
    for (const Family *family = tables[0]; family->name || ++table < sizeof tables / sizeof *tables; family++) {
        if (!family->name) family = tables[table];
        Cover cover = cover_family(family, list, seed);
        if (print)
            printf("%-10s %5d cases, %6lld pairs, %5lld impossible, %lld uncovered\n", family->name, cover.cases,
                   (long long)cover.pairs, (long long)cover.impossible, (long long)cover.uncovered);
        sum.cases += cover.cases;
        sum.pairs += cover.pairs;
        sum.impossible += cover.impossible;
        sum.uncovered += cover.uncovered;
    }
    return sum;
}

/* All cases in random order, or some: then small ones, which are the most, count an eighth. */
static int *chosen(const List *list, const Asked *choice, int *count) {
    int *which = NEW_ARRAY(list->arena, int, list->cases.count + 1);
    uint64_t state = choice->seed;
    *count = 0;
    for (int i = 0; i < list->cases.count; i++) {
        bool rare = strncmp(list->cases.at[i]->family, "small", 5) == 0 && !choice->all && random_bits(&state) % 8;
        if (!rare && (!choice->match || strstr(list->cases.at[i]->label, choice->match))) which[(*count)++] = i;
    }
    for (int i = 0; i < *count; i++) {
        int k = i + (int)(random_bits(&state) % (uint64_t)(*count - i)), other = which[k];
        which[k] = which[i];
        which[i] = other;
    }
    if (!choice->all && *count > choice->count) *count = choice->count;
    return which;
}

/* ---- batches ---- */

typedef struct Run {
    const List *list;
    const Asked *choice;
    const char *folder;
    Tally total;
    int kept;
} Run;

static void keep_case(Run *run, int which) {
    Text text;
    Arena *arena = arena_new();
    if (run->choice->keep) {
        text_init(&text, arena);
        print_heading(&text);
        case_print(&text, run->list->cases.at[which], 0);
        const char *path = arena_printf(arena, "%s/failed%d.tg", run->choice->keep, run->kept++);
        if (!text_write_file(path, text.at, text.length)) printf("cannot write %s\n", path);
    }
    arena_free(arena);
}

static void add_worst(double error, const char *label, double *worst, char *worst_label) {
    if (error <= *worst) return;
    *worst = error;
    memcpy(worst_label, label, 200);
}

static void add_tally(Run *run, const Tally *tally) {
    Worst *sum = &run->total.worst;
    const Worst *worst = &tally->worst;
    run->total.checked += tally->checked;
    run->total.gradients += tally->gradients;
    run->total.failed += tally->failed;
    run->total.differences += tally->differences;
    add_worst(worst->f64, worst->f64_label, &sum->f64, sum->f64_label);
    add_worst(worst->f32, worst->f32_label, &sum->f32, sum->f32_label);
    add_worst(worst->difference, worst->difference_label, &sum->difference, sum->difference_label);
    for (int i = 0; i < tally->failed && i < (int)(sizeof tally->bad / sizeof *tally->bad); i++)
        keep_case(run, (int)tally->bad[i]);
}

/* Runs the cases in a process of their own; false where it did not end well. */
static bool run_apart(Run *run, const int *which, int count, Tally *tally, bool quiet) {
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) fatal("matrix", "fork: %s", strerror(errno));
    if (child == 0) {
        alarm(BATCH_SECONDS);
        if (quiet && !freopen("/dev/null", "w", stderr)) _exit(3);
        bool good = check_batch(run->list, which, count, run->folder, &bounds, tally);
        fflush(NULL);
        _exit(good ? 0 : 1);
    }
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static void run_cases(Run *run, const int *which, int count) {
    Tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) fatal("matrix", "mmap: %s", strerror(errno));
    bool good = run_apart(run, which, count, tally, count > 1);
    if (good) {
        add_tally(run, tally);
    } else if (count == 1) {
        printf("%s; cannot be built or run\n", run->list->cases.at[which[0]]->label);
        run->total.checked++;
        run->total.failed++;
        keep_case(run, which[0]);
    } else {
        run_cases(run, which, count / 2);
        run_cases(run, which + count / 2, count - count / 2);
    }
    munmap(tally, sizeof *tally);
}

static int run_all(const List *list, const Asked *choice) {
    struct timespec from, to;
    char folder[] = "/tmp/tgc-matrix.XXXXXX", path[64];
    int count, *which = chosen(list, choice, &count);
    if (!mkdtemp(folder)) fatal("matrix", "mkdtemp: %s", strerror(errno));
    Run run = {.list = list, .choice = choice, .folder = folder};
    clock_gettime(CLOCK_MONOTONIC, &from);
    to = from;
    for (int i = 0; i < count; i += choice->batch) {
        run_cases(&run, which + i, i + choice->batch < count ? choice->batch : count - i);
        clock_gettime(CLOCK_MONOTONIC, &to);
        fprintf(stderr, "%d of %d cases, %d failed, %.0f s\n", run.total.checked, count, run.total.failed,
                difftime(to.tv_sec, from.tv_sec));
    }
    snprintf(path, sizeof path, "%s/cases.tg", folder);
    unlink(path);
    rmdir(folder);
    const Worst *worst = &run.total.worst;
    printf("%d cases, %d with gradients, %lld differences, %d failed, %.0f s\n", run.total.checked, run.total.gradients,
           (long long)run.total.differences, run.total.failed, difftime(to.tv_sec, from.tv_sec));
    printf("worst f64 against the evaluator  %.2g  %s\n", worst->f64, worst->f64_label);
    printf("worst gradient against differences %.2g  %s\n", worst->difference, worst->difference_label);
    printf("worst f32 against f64  %.2g  %s\n", worst->f32, worst->f32_label);
    return run.total.failed || !count ? 1 : 0;
}

/* ---- the command line ---- */

static bool read_choice(int argc, char **argv, Asked *choice) {
    int letter;
    *choice = (Asked){.seed = 1, .count = 300, .batch = 300};
    while ((letter = getopt_long(argc, argv, "", option_table, NULL)) != -1) switch (letter) {
        case 'a':
            choice->all = true;
            break;
        case 's':
            choice->seed = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            choice->count = atoi(optarg);
            break;
        case 'm':
            choice->match = optarg;
            break;
        case 'l':
            choice->list = true;
            break;
        case 'v':
            choice->cover = true;
            break;
        case 'b':
            choice->batch = atoi(optarg);
            break;
        case 'k':
            choice->keep = optarg;
            break;
        default:
            return false;
        }
    return optind == argc && choice->batch > 0 && choice->count > 0;
}

/* The C is compiled at -O1: TGC_CFLAGS follows the compiler's own flags. */
static void optimise_little(Arena *arena) {
    const char *flags = getenv("TGC_CFLAGS");
    setenv("TGC_CFLAGS", arena_printf(arena, "%s -O1", flags ? flags : ""), 1);
}

int main(int argc, char **argv) {
    Asked choice;
    if (!read_choice(argc, argv, &choice)) return usage();
    List list = {.arena = arena_new()};
    if (choice.keep && mkdir(choice.keep, 0777) && errno != EEXIST) return usage();
    optimise_little(list.arena);
    small_cases(&list);
    int small = list.cases.count;
    single_cases(&list);
    Cover cover = add_families(&list, choice.seed, choice.cover);
    int status = 0;
    if (choice.cover) {
        printf("%d small cases, %d single, %d of families: %lld pairs of levels, %lld impossible, %lld uncovered\n",
               small, list.cases.count - small - cover.cases, cover.cases, (long long)cover.pairs,
               (long long)cover.impossible, (long long)cover.uncovered);
        status = report_missing(&list) || cover.uncovered ? 1 : 0;
    } else if (choice.list) {
        int count, *which = chosen(&list, &choice, &count);
        for (int i = 0; i < count; i++) puts(list.cases.at[which[i]]->label);
    } else {
        status = run_all(&list, &choice);
    }
    arena_free(list.arena);
    return status;
}

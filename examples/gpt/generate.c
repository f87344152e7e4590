/* generate.c: writes a text on with the compiled library.
 *
 *     generate weights.safetensors [--prompt TEXT] [--bytes N] [--temperature X] [--seed N]
 *
 * The byte that follows is drawn with the probabilities softmax(scores / X); at temperature 0 it is always the
 * likeliest one. The model sees the last T bytes. Exit status: 0, 1 wrong content, 2 usage, 3 a file that can't be
 * read.
 *
 *     tgc build gpt.tg -o libgpt.a        writes gpt.h too
 *     cc -O2 -o generate generate.c libgpt.a -lcjson -lm -lpthread
 */
#include "gpt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { T = GPT_NEXT_X_1, V = GPT_NEXT_LOGITS_0 };

typedef struct Settings {
    const char *weights, *prompt;
    long bytes;
    double temperature;
    uint64_t seed;
} Settings;

static int usage(void) {
    fprintf(stderr, "usage: generate WEIGHTS.safetensors [--prompt TEXT] [--bytes N] [--temperature X] [--seed N]\n");
    return 2;
}

static int read_settings(Settings *settings, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        char *end = "";
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (name[0] != '-' && !settings->weights) {
            settings->weights = name;
            continue;
        }
        if (!value) return 0;
        if (!strcmp(name, "--prompt"))
            settings->prompt = value;
        else if (!strcmp(name, "--bytes"))
            settings->bytes = strtol(value, &end, 10);
        else if (!strcmp(name, "--temperature"))
            settings->temperature = strtod(value, &end);
        else if (!strcmp(name, "--seed"))
            settings->seed = strtoull(value, &end, 10);
        else
            return 0;
        if (*end) return 0;
        i++;
    }
    return settings->weights && settings->prompt[0] && settings->bytes >= 0 && settings->temperature >= 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014), as a number in [0, 1). */
static double uniform(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static int draw(const float *scores, double temperature, uint64_t *state) {
    int best = 0;
    for (int id = 1; id < V; id++)
        if (scores[id] > scores[best]) best = id;
    if (temperature == 0) return best;
    double total = 0, weight[V];
    for (int id = 0; id < V; id++) total += weight[id] = exp((scores[id] - scores[best]) / temperature);
    double left = uniform(state) * total;
    for (int id = 0; id < V; id++)
        if ((left -= weight[id]) < 0) return id;
    return best;
}

/* The last T bytes of the text, and how many there are. */
static int32_t window_of(const unsigned char *text, long length, int32_t *window) {
    long from = length > T ? length - T : 0;
    memset(window, 0, T * sizeof *window);
    for (long i = from; i < length; i++) window[i - from] = text[i];
    return (int32_t)(length - from);
}

static int generate(gpt *model, const Settings *settings) {
    static int32_t window[T];
    static float scores[V];
    long length = (long)strlen(settings->prompt);
    unsigned char *text = malloc((size_t)(length + settings->bytes) + 1);
    uint64_t state = settings->seed;
    if (!text) return 3;
    memcpy(text, settings->prompt, (size_t)length);
    fputs(settings->prompt, stdout);
    for (long i = 0; i < settings->bytes; i++) {
        int32_t at = window_of(text, length, window) - 1;
        if (gpt_next(model, window, &at, scores)) {
            fprintf(stderr, "generate: %s\n", gpt_error(model));
            free(text);
            return 1;
        }
        text[length] = (unsigned char)draw(scores, settings->temperature, &state);
        putchar(text[length++]);
        fflush(stdout);
    }
    putchar('\n');
    free(text);
    return 0;
}

int main(int argc, char **argv) {
    Settings settings = {.prompt = "The ", .bytes = 1000, .temperature = 0.7};
    if (!read_settings(&settings, argc, argv)) return usage();
    gpt *model;
    if (gpt_new(&model, 0, 0)) {
        fprintf(stderr, "generate: no memory for the model\n");
        return 3;
    }
    int status = gpt_load(model, settings.weights);
    if (status) {
        fprintf(stderr, "generate: %s\n", gpt_error(model));
        status = status == 4 ? 1 : 3;
    } else {
        status = generate(model, &settings);
    }
    gpt_free(model);
    if (!status && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "generate: can't write: %s\n", strerror(errno));
        status = 3;
    }
    return status;
}

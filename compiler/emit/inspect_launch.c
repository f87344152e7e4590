/* inspect_launch.c: which kernels an entry point calls with which tensors, and whether indices that tensors hold were
 * checked before.
 *
 *     tg_for(model->pool, k00_check, &(struct k00_check_args){.ids = t.ids, .checked = t.checked, .slot = &slot}, 1);
 *     tg_for(model->pool, k01_h, &(struct k01_h_args){.checked = t.checked, .table = t.table, .h = t.h}, 12);
 *
 * k00_check stores to `checked` nothing but what tg_check_index gave; k01_h may therefore use what it reads at
 * t.checked in an index, itself or in a sum or product. No other integer of a tensor may stand there. */
#include "emit/inspect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- launches ---- */

static const char *place_text(const Written *w, const Piece *piece) {
    return arena_strndup(w->arena, w->output->source.at + piece->from, piece->to - piece->from);
}

/* .field = place, … */
static void find_fields(const Written *w, const Piece *piece, LaunchText *launch) {
    for (const Piece *child = piece->child; child; child = child->next) {
        const Piece *field = child->child, *place = field ? field->next : NULL;
        if (field && field->kind == CXCursor_MemberRef && place) {
            vec_push(w->arena, &launch->fields, field->name);
            vec_push(w->arena, &launch->places, place_text(w, place));
        } else {
            find_fields(w, child, launch);
        }
    }
}

/* kernel, args, slices: the arguments of tg_for, or a tg_job. */
static void add_launch(const Written *w, const Piece *kernel, int call, LaunchTexts *out) {
    const Piece *given = kernel ? kernel->next : NULL, *slices = given ? piece_plain(given->next) : NULL;
    kernel = piece_plain(kernel);
    if (!slices || slices->kind != CXCursor_IntegerLiteral) fatal("emit", "a call of tg_for that is no launch");
    LaunchText launch = {.kernel = kernel->name, .slices = strtoll(slices->name, NULL, 10), .call = call};
    find_fields(w, given, &launch);
    vec_push(w->arena, out, launch);
}

/* The list of jobs, somewhere in a compound literal. */
static const Piece *jobs_in(const Piece *piece) {
    if (!piece || piece->kind == CXCursor_InitListExpr) return piece;
    for (const Piece *child = piece->child; child; child = child->next) {
        const Piece *jobs = jobs_in(child);
        if (jobs) return jobs;
    }
    return NULL;
}

static void add_jobs(const Written *w, const Piece *piece, int call, LaunchTexts *out) {
    const Piece *jobs = jobs_in(piece_child(piece, 2)), *stated = piece_plain(piece_child(piece, 3));
    int count = 0;
    for (const Piece *job = jobs ? jobs->child : NULL; job; job = job->next, count++)
        add_launch(w, job->child, call, out);
    if (!stated || stated->kind != CXCursor_IntegerLiteral || strtol(stated->name, NULL, 10) != count)
        fatal("emit", "a call of tg_for_all has %d jobs and does not say so", count);
}

void inspect_launches(const Written *w, const Piece *piece, LaunchTexts *out) {
    bool one =
        piece->kind == CXCursor_CallExpr && (!strcmp(piece->name, "tg_for") || !strcmp(piece->name, "tg_for_here"));
    bool many = piece->kind == CXCursor_CallExpr && !strcmp(piece->name, "tg_for_all");
    int call = out->count ? out->at[out->count - 1].call + 1 : 0;
    if (one) add_launch(w, piece_child(piece, 2), call, out);
    if (many) add_jobs(w, piece, call, out);
    for (const Piece *child = piece->child; child && !one && !many; child = child->next)
        inspect_launches(w, child, out);
}

/* ---- what is stored by a check ---- */

static const Piece *first_name(const Piece *piece) {
    if (piece->kind == CXCursor_DeclRefExpr) return piece;
    for (const Piece *child = piece->child; child; child = child->next) {
        const Piece *name = first_name(child);
        if (name) return name;
    }
    return NULL;
}

/* Counts stores `array[…] = tg_check_index(…)` and others. */
static void count_stores(const Piece *piece, const char *array, int *checked, int *others) {
    if (piece->kind == CXCursor_BinaryOperator && !strcmp(piece->name, "=")) {
        const Piece *name = first_name(piece->child), *value = piece_plain(piece_child(piece, 1));
        while (value && (value->kind == CXCursor_CStyleCastExpr || value->kind == CXCursor_UnexposedExpr ||
                         value->kind == CXCursor_ParenExpr)) {
            const Piece *inner = value->child;
            while (inner && inner->next) inner = inner->next;
            value = inner;
        }
        bool check = value && value->kind == CXCursor_CallExpr && !strcmp(value->name, "tg_check_index");
        if (name && !strcmp(name->name, array)) ++*(check ? checked : others);
    }
    if (piece->kind == CXCursor_CallExpr && !strncmp(piece->name, "tg_store", 8) && piece_child(piece, 1)) {
        const Piece *name = first_name(piece_child(piece, 1));
        if (name && !strcmp(name->name, array)) ++*others;
    }
    for (const Piece *child = piece->child; child; child = child->next) count_stores(child, array, checked, others);
}

static bool stores_checked(const Piece *kernel, const char *field) {
    int checked = 0, others = 0;
    count_stores(kernel, field, &checked, &others);
    return checked > 0 && others == 0;
}

static const Piece *kernel_named(const Written *w, Piece *const *kernels, const char *name) {
    int kernel = written_kernel(w->output, name);
    if (kernel < 0) fatal("emit", "%s is launched and no kernel", name);
    return kernels[kernel];
}

/* ---- which arrays an index is made of ---- */

typedef struct Origins { /* of an integer: the arrays it was read from */
    const char *name;
    VEC(const char *) arrays;
} Origins;

typedef struct Readings {
    const Written *written;
    VEC(Origins) names;
    VEC(const char *) found; /* arrays whose elements stand in an index */
} Readings;

static void add_array(const Written *w, Origins *source, const char *array) {
    for (int i = 0; i < source->arrays.count; i++)
        if (!strcmp(source->arrays.at[i], array)) return;
    vec_push(w->arena, &source->arrays, array);
}

/* The arrays from which an integer expression reads. */
static void collect(const Readings *s, const Piece *piece, Origins *into) {
    if (piece->kind == CXCursor_ArraySubscriptExpr) {
        const Piece *array = first_name(piece->child);
        if (array && piece->whole) add_array(s->written, into, array->name);
        return; /* its index is looked at by itself */
    }
    if (piece->kind == CXCursor_DeclRefExpr)
        for (int i = s->names.count - 1; i >= 0; i--) {
            if (strcmp(s->names.at[i].name, piece->name) != 0) continue;
            for (int j = 0; j < s->names.at[i].arrays.count; j++)
                add_array(s->written, into, s->names.at[i].arrays.at[j]);
            break;
        }
    for (const Piece *child = piece->child; child; child = child->next) collect(s, child, into);
}

static bool touches_memory(const Piece *call) {
    return !strncmp(call->name, "tg_load", 7) || !strncmp(call->name, "tg_store", 8) ||
           !strncmp(call->name, "tg_stream", 9) || !strncmp(call->name, "tg_transpose", 12);
}

static void find(Readings *s, const Piece *piece) {
    Origins index = {0};
    if (piece->kind == CXCursor_ArraySubscriptExpr && piece_child(piece, 1)) collect(s, piece_child(piece, 1), &index);
    if (piece->kind == CXCursor_CallExpr && touches_memory(piece) && piece_child(piece, 1))
        collect(s, piece_child(piece, 1), &index);
    for (int i = 0; i < index.arrays.count; i++) vec_push(s->written->arena, &s->found, index.arrays.at[i]);
    int names = s->names.count;
    for (const Piece *child = piece->child; child; child = child->next) {
        find(s, child);
        if (child->kind != CXCursor_DeclStmt) continue;
        for (const Piece *var = child->child; var; var = var->next) {
            Origins source = {.name = var->name};
            if (var->kind != CXCursor_VarDecl || !var->whole || var->lanes > 1) continue;
            collect(s, var, &source);
            vec_push(s->written->arena, &s->names, source);
        }
    }
    s->names.count = names;
}

static const char *place_of(const LaunchText *launch, const char *field) {
    for (int i = 0; i < launch->fields.count; i++)
        if (!strcmp(launch->fields.at[i], field)) return launch->places.at[i];
    return NULL;
}

/* By an earlier call than that of `launch`. */
static bool was_checked(const Written *w, Piece *const *kernels, const LaunchTexts *launches, int launch,
                        const char *place) {
    for (int i = 0; i < launch && launches->at[i].call < launches->at[launch].call; i++)
        for (int j = 0; j < launches->at[i].fields.count; j++)
            if (!strcmp(launches->at[i].places.at[j], place) &&
                stores_checked(kernel_named(w, kernels, launches->at[i].kernel), launches->at[i].fields.at[j]))
                return true;
    return false;
}

void inspect_indices(const Written *w, Piece *const *kernels, const LaunchTexts *launches) {
    Readings *known = NEW_ARRAY(w->arena, Readings, w->output->kernels.count + 1);
    for (int i = 0; i < launches->count; i++) {
        const LaunchText *launch = &launches->at[i];
        const Piece *kernel = kernel_named(w, kernels, launch->kernel);
        Readings *sources = &known[written_kernel(w->output, launch->kernel)];
        if (!sources->written) {
            sources->written = w;
            find(sources, kernel);
        }
        for (int j = 0; j < sources->found.count; j++) {
            const char *place = place_of(launch, sources->found.at[j]);
            if (!place || !was_checked(w, kernels, launches, i, place))
                fatal("lower", "%s uses elements of %s as indices, which no launch before has checked", launch->kernel,
                      sources->found.at[j]);
        }
    }
}

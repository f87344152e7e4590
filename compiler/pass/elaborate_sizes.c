/* elaborate_sizes.c: sizes, and what is made once for each choice of those that are in buckets.
 *
 * In: `dim T in [16, 32]`. Out: T as a number, 16 first; and under each further choice, everything again that depends
 * on T.
 *
 *     dim T in [16, 32], N = 2 * T     # items that meet T: this one, and with it N
 *     use net = Net(D)                 # doesn't: stays as it is
 *     graph f(x: [N]) …                # f[T=16], f[T=32]
 *
 * Note: touching. A value remembers the sizes in buckets that were met on the way to it (Value.touched, a bit for
 * each), and so do a name that is given the value, an item of the main file and an entry point. What has met none is
 * the same under all choices. Under another choice the items that have met a size that changes are elaborated once more
 * in the file's own scope, where the functions and modules that see it find the new values. Parameters and states may
 * not depend on such a size, so the ones made first stay the only ones. */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

/* ---- touching ---- */

unsigned touch_begin(Elab *el) {
    unsigned before = el->touched;
    el->touched = 0;
    return before;
}

unsigned touch_end(Elab *el, unsigned before) {
    unsigned own = el->touched;
    el->touched |= before;
    return own;
}

const char *touched_text(Elab *el, unsigned touched) {
    Text text;
    text_init(&text, el->arena);
    for (int i = 0; i < el->bucketed.count; i++) {
        if (!(touched >> i & 1)) continue;
        text_printf(&text, "%s`%s`", !text.length ? "" : touched >> (i + 1) ? ", " : " and ", el->bucketed.at[i].name);
    }
    return text.at;
}

void note_touched(Elab *el, Message *message, unsigned touched) {
    for (int i = 0; i < el->bucketed.count; i++)
        if (touched >> i & 1)
            diag_note(message, el->bucketed.at[i].span, "`%s` is a size in buckets: it has %d values",
                      el->bucketed.at[i].name, el->bucketed.at[i].count);
}

/* ---- dim ---- */

static bool read_choices(Elab *el, const Size *size, Bucketed *bucketed) {
    bucketed->sizes = NEW_ARRAY(el->arena, int64_t, size->choices.count + 1);
    for (int i = 0; i < size->choices.count; i++) {
        double number;
        const Expr *choice = size->choices.at[i];
        unsigned before = touch_begin(el);
        bool known = eval_number(el, choice, "a size", &number);
        unsigned touched = touch_end(el, before);
        if (!known || !to_size(el, number, choice->span, &bucketed->sizes[i])) return false;
        if (touched) {
            Message *message = diag_error(el->diag, choice->span, E0417, "the sizes of `%s` depend on %s",
                                          size->name.name, touched_text(el, touched));
            diag_help(message, "a size in buckets is chosen by itself: write numbers");
            return false;
        }
        if (i && bucketed->sizes[i] <= bucketed->sizes[i - 1]) {
            diag_error(el->diag, choice->span, E0415, "the sizes of `%s` must rise: %lld comes after %lld",
                       size->name.name, (long long)bucketed->sizes[i], (long long)bucketed->sizes[i - 1]);
            return false;
        }
    }
    bucketed->count = size->choices.count;
    return true;
}

/* -D T=32: that one alone. */
static bool is_choice(Elab *el, const Size *size, const Bucketed *bucketed, double number) {
    for (int i = 0; i < bucketed->count; i++)
        if ((double)bucketed->sizes[i] == number) return true;
    Message *message = diag_error(el->diag, size->span, E0415, "%s is none of the sizes of `%s`",
                                  number_text(el, number), size->name.name);
    diag_help(message, "choose one of them, or leave -D %s out for all", size->name.name);
    return false;
}

static bool may_have_buckets(Elab *el, const Size *size, bool main_file) {
    if (!main_file) {
        Message *message = diag_error(el->diag, size->span, E0417, "an imported file has no sizes in buckets");
        diag_help(message, "let the importing file have them, and give them to modules and functions as arguments");
        return false;
    }
    if (size->choices.count > MAX_BUCKETS) {
        diag_error(el->diag, size->span, E0207, "more than %d sizes of `%s`", MAX_BUCKETS, size->name.name);
        return false;
    }
    if (el->bucketed.count < MAX_BUCKETED) return true;
    diag_error(el->diag, size->span, E0207, "more than %d sizes in buckets", MAX_BUCKETED);
    return false;
}

/* The row of a size whose item is elaborated again, else a new one; NULL after a message. */
static Bucketed *bucketed_of(Elab *el, const Size *size, bool main_file) {
    for (int i = 0; i < el->bucketed.count; i++)
        if (el->bucketed.at[i].name == size->name.name && el->again) return &el->bucketed.at[i];
    Bucketed made = {.name = size->name.name, .span = size->span};
    if (!may_have_buckets(el, size, main_file) || !read_choices(el, size, &made)) return NULL;
    vec_push(el->arena, &el->bucketed, made);
    return &el->bucketed.at[el->bucketed.count - 1];
}

static bool choose(Elab *el, const Size *size, bool main_file, Value *value) {
    const Bucketed *bucketed = bucketed_of(el, size, main_file);
    if (!bucketed) return false;
    *value = number_value((double)bucketed->sizes[bucketed->chosen]);
    value->touched = 1u << (bucketed - el->bucketed.at);
    el->touched |= value->touched;
    return true;
}

/* `dim N = 32`, or any with -D. */
static bool fixed_size(Elab *el, const Size *size, bool given, double number, Value *value) {
    int64_t whole;
    Bucketed choices = {0};
    unsigned before = touch_begin(el);
    bool good = true;
    if (size->choices.count)
        good = read_choices(el, size, &choices) && is_choice(el, size, &choices, number);
    else if (!given)
        good = eval_number(el, size->value, "a size", &number);
    unsigned touched = touch_end(el, before);
    if (given && (number != floor(number) || number < 0 || number > INT32_MAX)) {
        diag_error(el->diag, size->name.span, E0321, "-D %s=%s is no size: a whole number from 0 to %d",
                   size->name.name, number_text(el, number), INT32_MAX);
        return false;
    }
    if (!good || !to_size(el, number, given || !size->value ? size->name.span : size->value->span, &whole))
        return false;
    *value = number_value((double)whole);
    value->touched = touched;
    return true;
}

void elaborate_sizes(Elab *el, const SizeList *sizes, bool main_file) {
    for (int i = 0; i < sizes->count; i++) {
        const Size *size = &sizes->at[i];
        double number = 0;
        Value value = poison();
        bool given = main_file && override_value(el, size->name.name, &number);
        bool buckets = size->choices.count && !given;
        bool good = buckets ? choose(el, size, main_file, &value) : fixed_size(el, size, given, number, &value);
        value.size = good;
        scope_declare(el, el->scope, size->name, value);
    }
}

/* ---- choices ---- */

static void forget(Elab *el, unsigned changed) {
    Scope *scope = el->scope;
    int kept = 0;
    for (int i = 0; i < scope->slots.count; i++) {
        const Slot *slot = &scope->slots.at[i];
        bool stays = true;
        for (int k = 0; k < el->tops.count && slot->item; k++)
            if (el->tops.at[k].item == slot->item) stays = !(el->tops.at[k].touched & changed);
        if (stays) scope->slots.at[kept++] = *slot;
    }
    scope->slots.count = kept;
}

void sizes_choose(Elab *el, const int *chosen) {
    unsigned changed = 0;
    for (int i = 0; i < el->bucketed.count; i++) {
        if (el->bucketed.at[i].chosen != chosen[i]) changed |= 1u << i;
        el->bucketed.at[i].chosen = chosen[i];
    }
    if (!changed) return;
    forget(el, changed);
    el->again = true;
    for (int i = 0; i < el->tops.count; i++)
        if (el->tops.at[i].touched & changed) elaborate_top(el, &el->tops.at[i]);
    el->again = false;
}

bool sizes_next(const Elab *el, unsigned touched, int *chosen) {
    for (int i = el->bucketed.count - 1; i >= 0; i--) {
        if (!(touched >> i & 1)) continue;
        if (++chosen[i] < el->bucketed.at[i].count) return true;
        chosen[i] = 0;
    }
    return false;
}

int sizes_product(Elab *el, const EntryPoint *point, unsigned touched) {
    double product = 1;
    for (int i = 0; i < el->bucketed.count; i++)
        if (touched >> i & 1) product *= el->bucketed.at[i].count;
    if (product <= MAX_BUCKETS) return (int)product;
    Message *message = diag_error(el->diag, point->name.span, E0207, "`%s` has %.0f specialisations, more than %d",
                                  point->name.name, product, MAX_BUCKETS);
    note_touched(el, message, touched);
    diag_help(message, "there is one for each choice of its sizes in buckets: have fewer sizes");
    return 0;
}

void sizes_name(Elab *el, Entry *entry, unsigned touched) {
    Text name, identifier;
    text_init(&name, el->arena);
    text_init(&identifier, el->arena);
    text_add(&name, entry->point);
    text_add(&identifier, entry->point);
    for (int i = 0; i < el->bucketed.count; i++) {
        const Bucketed *size = &el->bucketed.at[i];
        if (!(touched >> i & 1)) continue;
        long long chosen = size->sizes[size->chosen];
        text_printf(&name, "%s%s=%lld", entry->buckets.count ? "," : "[", size->name, chosen);
        text_printf(&identifier, "_%s%lld", size->name, chosen);
        vec_push(el->arena, &entry->buckets, ((Bucket){size->name, chosen}));
    }
    if (entry->buckets.count) text_add(&name, "]");
    entry->name = name_of(el->names, name.at);
    entry->identifier = name_of(el->names, identifier.at);
}

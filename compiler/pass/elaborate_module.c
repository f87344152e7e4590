/* elaborate_module.c: what stands in modules and at the top of files: sizes, parameters, instances.
 *
 * In: `use enc[L] = Encoder()`. Out: units, scopes that hold their parameters by name, and the model's variables by
 * path.
 *
 *     use att = Attention(D, H)      # unit "net.enc.0.att"; param W of its q: variable net.enc.0.att.q.W */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

/* ---- initial values ---- */

static bool init_fans(Elab *el, const Expr *expr, const Shape *shape, Init *init) {
    if (shape->rank < 2) {
        Message *message =
            diag_error(el->diag, expr->span, E0413, "`%s` needs the last two axes as fans, but the shape is %s",
                       init->kind == INIT_XAVIER ? "xavier" : "he", shape_text(el, shape));
        diag_help(message, "choose another start: zeros, normal(0.0, 0.02)");
        return false;
    }
    double in = (double)shape->size[shape->rank - 2], out = (double)shape->size[shape->rank - 1];
    init->b = init->kind == INIT_XAVIER ? sqrt(6 / (in + out)) : sqrt(2 / in);
    return true;
}

static bool init_read(Elab *el, const Expr *expr, const Shape *shape, Init *init) {
    static const struct {
        const char *name;
        InitKind kind;
        const char *formals;
        double a; /* without arguments */
    } rows[] = {
        {"zeros", INIT_ZEROS, "", 0},
        {"ones", INIT_CONSTANT, "", 1},
        {"constant", INIT_CONSTANT, "value", 0},
        {"normal", INIT_NORMAL, "mean? std?", 0},
        {"uniform", INIT_UNIFORM, "a b", 0},
        {"xavier", INIT_XAVIER, "", 0},
        {"he", INIT_HE, "", 0},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    const Expr *name = expr->kind == EXPR_CALL ? expr->left : expr;
    const char *names[COUNT];
    for (int i = 0; i < COUNT; i++) names[i] = rows[i].name;
    for (int i = 0; i < COUNT && name->kind == EXPR_NAME; i++) {
        if (strcmp(rows[i].name, name->name) != 0) continue;
        *init = (Init){.kind = rows[i].kind, .a = rows[i].a, .b = rows[i].kind == INIT_NORMAL};
        if (init->kind == INIT_XAVIER || init->kind == INIT_HE) {
            if (!init_fans(el, expr, shape, init)) return false;
        }
        Formal formals[MAX_FORMALS];
        const Argument *given[MAX_FORMALS];
        int count = formals_read(el, rows[i].formals, formals);
        if (expr->kind != EXPR_CALL) {
            if (count == 0 || formals[0].optional) return true;
            Message *message = diag_error(el->diag, expr->span, E0413, "`%s` needs its numbers", rows[i].name);
            diag_help(message, init->kind == INIT_UNIFORM ? "as in uniform(-0.1, 0.1)" : "as in constant(0.5)");
            return false;
        }
        if (!match_arguments(el, rows[i].name, formals, count, expr, given, NULL, NULL)) return false;
        double *const into[] = {&init->a, &init->b};
        for (int k = 0; k < count; k++)
            if (given[k] && !eval_number(el, given[k]->value, "an argument of an initial value", into[k])) return false;
        return true;
    }
    Message *message = diag_error(el->diag, expr->span, E0413, "`%s` is not an initial value", expr_text(el, expr));
    const char *nearest = name->kind == EXPR_NAME ? name_nearest(name->name, names, COUNT) : NULL;
    if (nearest)
        diag_help(message, "did you mean `%s`?", nearest);
    else
        diag_help(message, "one of zeros ones constant(v) normal(mean, std) uniform(a, b) xavier he");
    return false;
}

static bool read_attributes(Elab *el, const Parameter *parameter, Variable *variable) {
    for (int i = 0; i < parameter->attributes.count; i++) {
        const Binding *attribute = &parameter->attributes.at[i];
        double decay = 1;
        if (strcmp(attribute->name.name, "decay") != 0) {
            Message *message = diag_error(el->diag, attribute->name.span, E0204, "a parameter has no attribute `%s`",
                                          attribute->name.name);
            diag_help(message, "the one attribute is `decay`, as in `with decay = false`");
            return false;
        }
        if (!eval_number(el, attribute->value, "decay", &decay)) return false;
        variable->decay = decay != 0;
    }
    return true;
}

static bool read_start(Elab *el, const Parameter *parameter, Variable *variable) {
    if (parameter->init) return init_read(el, parameter->init, &variable->shape, &variable->init);
    if (variable->kind == VAR_STATE) return true; /* zeros */
    Message *message = diag_error(el->diag, parameter->name.span, E0413, "the parameter `%s` has no initial value",
                                  parameter->name.name);
    diag_help(message, "say how it starts, as in `param %s: %s ~ zeros`", parameter->name.name,
              type_text(el, parameter->type));
    return false;
}

/* All specialisations share what lives between calls, so it can't depend on the sizes that tell them apart. */
static bool is_one(Elab *el, const Parameter *parameter, VariableKind kind, unsigned touched) {
    const char *word = kind == VAR_PARAM ? "parameter" : "state", *name = parameter->name.name;
    unsigned met = el->control ? el->control : touched;
    if (!met) return true;
    Message *message = el->control
                           ? diag_error(el->diag, parameter->name.span, E0417,
                                        "whether there is a %s `%s` depends on %s", word, name, touched_text(el, met))
                           : diag_error(el->diag, parameter->type->span, E0417, "the %s `%s` depends on %s", word, name,
                                        touched_text(el, met));
    note_touched(el, message, met);
    if (el->control)
        diag_help(message, "declare it for all sizes");
    else
        diag_help(message,
                  "all sizes share it: give it a size of its own, as large as the largest, and take a part, as "
                  "in `%s[0:T]`",
                  name);
    return false;
}

static Variable *variable_known(const Elab *el, const char *path) {
    for (int i = 0; i < el->model->variables.count; i++)
        if (el->model->variables.at[i]->path == path) return el->model->variables.at[i];
    return NULL;
}

void elaborate_parameter(Elab *el, const Parameter *parameter, VariableKind kind) {
    Variable *variable = NEW(el->arena, Variable);
    variable->kind = kind;
    variable->decay = true;
    variable->span = parameter->name.span;
    variable->path = path_join(el, el->scope->path, parameter->name.name);
    unsigned before = touch_begin(el);
    bool good = type_dtype(el, parameter->type, &variable->dtype);
    good = type_shape(el, parameter->type, &variable->shape) && good;
    if (good && kind == VAR_PARAM && variable->dtype != DT_FLOAT) {
        Message *message = diag_error(el->diag, parameter->type->span, E0412, "a parameter holds floats, not %s",
                                      dtype_text(el, variable->dtype));
        diag_help(message, "what is not learned is `state`");
        good = false;
    }
    good = good && read_start(el, parameter, variable) && read_attributes(el, parameter, variable);
    unsigned touched = touch_end(el, before);
    good = good && is_one(el, parameter, kind, touched);
    Variable *known = good && el->again ? variable_known(el, variable->path) : NULL;
    if (known) {
        variable = known;
    } else if (good) {
        variable->id = el->model->variables.count;
        vec_push(el->arena, &el->model->variables, variable);
    }
    scope_declare(el, el->scope, parameter->name,
                  good ? (Value){.kind = VALUE_VARIABLE, .variable = variable} : poison());
}

/* ---- instances ---- */

static bool building(Elab *el, const Module *module, const Expr *call) {
    for (int i = 0; i < el->building.count; i++)
        if (el->building.at[i].module == module) {
            diag_error(el->diag, call->span, E0205, "the module `%s` contains itself", module->name.name);
            return true;
        }
    if (el->building.count >= MAX_NESTING) {
        diag_error(el->diag, call->span, E0207, "modules are nested more than %d deep", MAX_NESTING);
        return true;
    }
    if (++el->unit_count <= MAX_UNITS) return false;
    if (!el->stopped) diag_error(el->diag, call->span, E0207, "more than %d instances of modules", MAX_UNITS);
    el->stopped = true;
    return true;
}

static Value unit_new(Elab *el, const Value *callee, const Expr *call, const char *path) {
    const Module *module = callee->module;
    if (building(el, module, call)) return poison();
    Scope *outside = el->scope, *inside = scope_new(el, callee->scope, path);
    inside->module = module;
    Value *values = NEW_ARRAY(el->arena, Value, module->arguments.count + 1);
    if (!bind_fields(el, module->name.name, &module->arguments, call, inside, values)) return poison();
    int before = diag_count(el->diag);
    vec_push(el->arena, &el->building, ((Building){module, call->span}));
    el->scope = inside;
    elaborate_items(el, &module->members, false);
    el->scope = outside;
    el->building.count--;
    if (diag_count(el->diag) > before || inside->broken) return poison();
    return (Value){.kind = VALUE_UNIT, .scope = inside};
}

static Value use_one(Elab *el, const Instance *instance, const Value *callee, const char *path) {
    if (!instance->count) return unit_new(el, callee, instance->call, path);
    double number;
    int64_t count;
    unsigned before = touch_begin(el);
    bool known = eval_number(el, instance->count, "the length of a list of instances", &number);
    el->control |= touch_end(el, before);
    if (!known) return poison();
    if (!to_size(el, number, instance->count->span, &count)) return poison();
    if (count > MAX_UNITS) {
        diag_error(el->diag, instance->count->span, E0207, "more than %d instances of modules", MAX_UNITS);
        return poison();
    }
    Value list = list_value(el, NULL, 0);
    list.items = NEW_ARRAY(el->arena, Value, count + 1);
    for (; list.count < count; list.count++) {
        const char *item = path_join(el, path, arena_printf(el->arena, "%d", list.count));
        list.items[list.count] = unit_new(el, callee, instance->call, item);
        if (list.items[list.count].kind == VALUE_POISON) return poison();
    }
    return list;
}

static void elaborate_use(Elab *el, const InstanceList *instances) {
    unsigned outside = el->control;
    for (int i = 0; i < instances->count; i++) {
        const Instance *instance = &instances->at[i];
        Value callee = eval_place(el, instance->call->left), value = poison();
        el->control |= callee.touched;
        if (callee.kind == VALUE_MODULE) {
            value = use_one(el, instance, &callee, path_join(el, el->scope->path, instance->name.name));
        } else if (callee.kind != VALUE_POISON) {
            diag_error(el->diag, instance->call->left->span, E0206, "`use` makes instances of modules; `%s` is %s",
                       expr_text(el, instance->call->left), value_kind_text(&callee));
        }
        scope_declare(el, el->scope, instance->name, value);
        el->control = outside;
    }
}

/* ---- items ---- */

static void elaborate_consts(Elab *el, const BindingList *bindings, bool main_file) {
    for (int i = 0; i < bindings->count; i++) {
        const Binding *binding = &bindings->at[i];
        double number;
        unsigned before = touch_begin(el);
        bool good = (main_file && override_value(el, binding->name.name, &number)) ||
                    eval_number(el, binding->value, "a const", &number);
        Value value = good ? number_value(number) : poison();
        value.touched = touch_end(el, before);
        scope_declare(el, el->scope, binding->name, value);
    }
}

static void elaborate_function(Elab *el, const Function *function) {
    Ident name = function->name;
    Value value = {.kind = VALUE_FUNCTION, .function = function, .scope = el->scope};
    if (!name.name) {
        name.name = name_of(el->names, "");
        if (scope_own(el->scope, name.name)) {
            diag_error(el->diag, name.span, E0202, "a module has one `fn` without a name");
            return;
        }
    }
    Slot *old = scope_own(el->scope, name.name);
    if (old && old->value.kind == VALUE_FUNCTION && old->value.function == function) return; /* declared beforehand */
    scope_declare(el, el->scope, name, value);
}

static void elaborate_module(Elab *el, const Module *module) {
    Slot *old = scope_own(el->scope, module->name.name);
    if (old && old->value.kind == VALUE_MODULE && old->value.module == module) return;
    scope_declare(el, el->scope, module->name, (Value){.kind = VALUE_MODULE, .module = module, .scope = el->scope});
}

/* An entry point is there for all sizes or for none. */
static void refuse_entries(Elab *el, const ItemList *items) {
    for (int i = 0; i < items->count && !el->again; i++) {
        const Item *item = items->at[i];
        if (item->kind == ITEM_IF && !el->stopped) {
            refuse_entries(el, &item->choice->then);
            refuse_entries(el, &item->choice->otherwise);
        }
        if (item->kind != ITEM_GRAPH && item->kind != ITEM_TRAIN) continue;
        Message *message =
            diag_error(el->diag, item->entry->name.span, E0417, "whether there is an entry point `%s` depends on %s",
                       item->entry->name.name, touched_text(el, el->control));
        note_touched(el, message, el->control);
        diag_help(message, "put the `if` inside of the entry point");
    }
}

static void elaborate_choice(Elab *el, const Choice *choice, bool main_file) {
    bool holds;
    unsigned before = touch_begin(el), outside = el->control;
    bool known = known_condition(el, choice->condition, &holds);
    el->control |= touch_end(el, before);
    if (known && el->control && !outside) {
        refuse_entries(el, &choice->then);
        refuse_entries(el, &choice->otherwise);
    }
    if (known && (holds || choice->has_else))
        elaborate_items(el, holds ? &choice->then : &choice->otherwise, main_file);
    el->control = outside;
}

/* An imported file gives functions and modules; what belongs to a model (its entries, instances and parameters) stays
 * behind. `own` is true for members of modules and for the file being compiled. */
static void elaborate_item(Elab *el, const Item *item, bool main_file) {
    bool own = main_file || el->building.count > 0;
    switch (item->kind) {
    case ITEM_EDITION:
        break;
    case ITEM_IMPORT:
        elaborate_import(el, item);
        break;
    case ITEM_EXTERN:
        elaborate_extern(el, item);
        break;
    case ITEM_DIM:
        elaborate_sizes(el, &item->sizes, main_file);
        break;
    case ITEM_CONST:
        elaborate_consts(el, &item->bindings, main_file);
        break;
    case ITEM_LET:
        exec_lets(el, &item->bindings);
        break;
    case ITEM_ASSERT:
        exec_assert(el, item->condition, item->message);
        break;
    case ITEM_USE:
        if (own) elaborate_use(el, &item->instances);
        break;
    case ITEM_PARAM:
        if (own) elaborate_parameter(el, item->parameter, VAR_PARAM);
        break;
    case ITEM_STATE:
        if (own) elaborate_parameter(el, item->parameter, VAR_STATE);
        break;
    case ITEM_FN:
        elaborate_function(el, item->function);
        break;
    case ITEM_MODULE:
        elaborate_module(el, item->module);
        break;
    case ITEM_GRAPH:
    case ITEM_TRAIN:
        if (main_file && !el->again && !el->control) vec_push(el->arena, &el->points, item->entry);
        break;
    case ITEM_IF:
        elaborate_choice(el, item->choice, main_file);
        break;
    }
}

void elaborate_items(Elab *el, const ItemList *items, bool main_file) {
    for (int i = 0; i < items->count && !el->stopped; i++) elaborate_item(el, items->at[i], main_file);
}

void elaborate_top(Elab *el, TopItem *top) {
    el->item = top->item;
    el->touched = 0;
    elaborate_item(el, top->item, true);
    top->touched |= el->touched;
    el->item = NULL;
}

void elaborate_file(Elab *el, const File *file, bool main_file) {
    /* Functions and modules are known in the whole file, also before their place. */
    for (int i = 0; i < file->items.count; i++) {
        const Item *item = file->items.at[i];
        if (item->kind == ITEM_FN && item->function->name.name) elaborate_function(el, item->function);
        if (item->kind == ITEM_MODULE) elaborate_module(el, item->module);
        if (item->kind == ITEM_EXTERN) elaborate_extern(el, item);
    }
    externals_finish(el);
    if (!main_file) elaborate_items(el, &file->items, main_file);
    for (int i = 0; i < file->items.count && main_file && !el->stopped; i++) {
        vec_push(el->arena, &el->tops, ((TopItem){.item = file->items.at[i]}));
        elaborate_top(el, &el->tops.at[i]);
    }
}

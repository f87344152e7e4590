/* layout.c: where variables lie in their blocks.
 *
 * The parameter block holds the flat groups one after the other, each with its parameters inside; the state block
 * holds states and moments. Groups, states and moments begin at multiples of 64 bytes, with --check between guards
 * of 64 bytes. */
#include "emit/parts.h"

enum { ALIGNMENT = 64 };

size_t dtype_size(const Model *model, DType dtype) {
    return dtype == DT_FLOAT ? (model->f64 ? 8 : 4) : dtype == DT_I32 ? 4 : 1;
}

const char *c_type(const Model *model, DType dtype) {
    return dtype == DT_FLOAT ? (model->f64 ? "double" : "float") : dtype == DT_I32 ? "int32_t" : "uint8_t";
}

const char *tg_type(const Model *model, DType dtype) {
    return dtype == DT_FLOAT ? (model->f64 ? "TG_F64" : "TG_F32") : dtype == DT_I32 ? "TG_I32" : "TG_BOOL";
}

static void append(Emitter *e, Layout *layout, size_t *bytes, Variable *variable) {
    size_t guard = e->output->check ? ALIGNMENT : 0;
    *bytes = *bytes ? (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : guard;
    vec_push(e->arena, layout, ((VariablePlace){variable, *bytes}));
    *bytes += (size_t)shape_count(&variable->shape) * dtype_size(e->model, variable->dtype);
    if (guard) *bytes = (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + guard;
}

static void append_members(Emitter *e, const VariablePlace *group) {
    size_t unit = dtype_size(e->model, group->variable->dtype);
    for (int i = 0; i < group->variable->members.count; i++) {
        Variable *member = group->variable->members.at[i];
        vec_push(e->arena, &e->params, ((VariablePlace){member, group->offset + (size_t)member->offset * unit}));
    }
}

void layout_variables(Emitter *e) {
    for (int i = 0; i < e->model->variables.count; i++) {
        Variable *v = e->model->variables.at[i];
        if (v->kind == VAR_GROUP) {
            append(e, &e->groups, &e->param_bytes, v);
            append_members(e, &e->groups.at[e->groups.count - 1]);
        } else if (v->kind == VAR_PARAM && !v->group) {
            append(e, &e->params, &e->param_bytes, v);
        } else if (v->kind != VAR_PARAM) {
            append(e, &e->states, &e->state_bytes, v);
        }
    }
}

static const VariablePlace *place_in(const Layout *layout, const Variable *variable) {
    for (int i = 0; i < layout->count; i++)
        if (layout->at[i].variable == variable) return &layout->at[i];
    return NULL;
}

size_t layout_offset(const Emitter *e, const Variable *variable) {
    const VariablePlace *place = place_in(&e->params, variable);
    if (!place) place = place_in(&e->groups, variable);
    if (!place) place = place_in(&e->states, variable);
    if (!place) fatal("emit", "variable %s has no place in a block", variable->path);
    return place->offset;
}

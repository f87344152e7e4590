/* elaborate_train.c: train entries: which parameters learn, how they lie in flat groups, and their gradients.
 *
 * In: the forward graphs of all train entries. Out: every parameter of the model in one VAR_GROUP, and each train
 * entry with the gradients of what its loss depends on, one flat vector per group, handed to the optimiser.
 *
 *     net.W [4, 8], net.b [8] (no decay)      # group.0 = W, group.1 = b: groups part by decay and by the entries that
 *                                             # reach them; inside one, counts divisible by 16 come first */
#include "pass/elaborate.h"

#include <string.h>

/* ---- what the loss depends on ---- */

static void mark_reads(Elab *el, Training *training) {
    const Graph *graph = el->graph;
    bool *needed = NEW_ARRAY(el->arena, bool, graph->nodes.count);
    needed[training->loss->id] = true;
    for (int i = training->loss->id; i >= 0; i--) {
        Node *node = graph->nodes.at[i];
        if (!needed[i] || node->op == &op_stop) continue;
        for (int k = 0; k < node->operand_count; k++)
            if (node->operand[k]->dtype == DT_FLOAT) needed[node->operand[k]->id] = true;
        bool learned = node->op == &op_read && node->attr.variable->kind == VAR_PARAM;
        if (learned) training->reads[node->attr.variable->id] = node;
    }
}

/* Of its `train` in the text. */
static int number_of(const Elab *el, const EntryPoint *point) {
    if (!el->trainings.count) return 0;
    const Training *last = el->trainings.at[el->trainings.count - 1];
    return last->number + (last->point != point);
}

static const int *sizes_now(const Elab *el) {
    int *chosen = NEW_ARRAY(el->arena, int, el->bucketed.count + 1);
    for (int i = 0; i < el->bucketed.count; i++) chosen[i] = el->bucketed.at[i].chosen;
    return chosen;
}

void training_begin(Elab *el, Entry *entry, const EntryPoint *point, Scope *scope, unsigned touched) {
    Node *loss = entry->results.at[0].node;
    if (loss->dtype != DT_FLOAT || loss->shape.rank != 0) {
        Message *message =
            diag_error(el->diag, point->results.at[0].span, E0520, "the loss must be a scalar, not %s %s",
                       dtype_text(el, loss->dtype), shape_text(el, &loss->shape));
        diag_help(message, "the first result is the loss: [] after a mean or a sum");
        return;
    }
    Training *training = NEW(el->arena, Training);
    int count = el->model->variables.count;
    *training = (Training){.entry = entry, .point = point, .scope = scope, .loss = loss, .variable_count = count};
    training->number = number_of(el, point);
    training->chosen = sizes_now(el);
    training->touched = touched;
    training->reads = NEW_ARRAY(el->arena, Node *, count + 1);
    training->versions = NEW_ARRAY(el->arena, int, count + 1);
    for (int i = 0; i < count; i++) training->versions[i] = el->model->variables.at[i]->versions;
    mark_reads(el, training);
    bool any = false;
    for (int i = 0; i < count; i++) any = any || training->reads[i];
    if (any)
        vec_push(el->arena, &el->trainings, training);
    else
        diag_error(el->diag, point->name.span, E0522, "the loss of `%s` depends on no parameter", entry->name);
}

/* ---- groups ---- */

typedef struct Group {
    Variable *variable;
    uint64_t trainings; /* the train entries that reach its parameters, one bit each */
    bool decay;
} Group;
typedef VEC(Group) GroupList;

static uint64_t trainings_of(const Elab *el, const Variable *variable) {
    uint64_t mask = 0;
    for (int i = 0; i < el->trainings.count; i++)
        if (el->trainings.at[i]->reads[variable->id]) mask |= (uint64_t)1 << el->trainings.at[i]->number;
    return mask;
}

static Group *group_for(Elab *el, GroupList *groups, const Variable *variable) {
    uint64_t mask = trainings_of(el, variable);
    for (int i = 0; i < groups->count; i++) {
        Group *group = &groups->at[i];
        if (group->trainings == mask && (group->decay == variable->decay || !mask)) return group;
    }
    Variable *flat = NEW(el->arena, Variable);
    flat->kind = VAR_GROUP;
    flat->decay = variable->decay;
    flat->span = variable->span;
    flat->shape.rank = 1;
    flat->path = name_of(el->names, arena_printf(el->arena, "group.%d", groups->count));
    vec_push(el->arena, groups, ((Group){.variable = flat, .trainings = mask, .decay = variable->decay}));
    return &groups->at[groups->count - 1];
}

static void join_group(Elab *el, Variable *flat, Variable *member) {
    member->group = flat;
    member->offset = flat->shape.size[0];
    flat->shape.size[0] += shape_count(&member->shape);
    vec_push(el->arena, &flat->members, member);
}

static GroupList make_groups(Elab *el) {
    GroupList groups = {0};
    Model *model = el->model;
    int count = model->variables.count;
    for (int even = 1; even >= 0; even--)
        for (int i = 0; i < count; i++) {
            Variable *variable = model->variables.at[i];
            if (variable->kind != VAR_PARAM || (shape_count(&variable->shape) % 16 == 0) != even) continue;
            join_group(el, group_for(el, &groups, variable)->variable, variable);
        }
    for (int i = 0; i < groups.count; i++) {
        groups.at[i].variable->id = model->variables.count;
        vec_push(el->arena, &model->variables, groups.at[i].variable);
    }
    return groups;
}

/* ---- gradients ---- */

static void resume(Elab *el, const Training *training) {
    int count = el->model->variables.count;
    el->graph = training->entry->graph;
    el->reads = NEW_ARRAY(el->arena, Node *, count + 1); /* those of the entry elaborated last are not of this graph */
    el->read_versions = NEW_ARRAY(el->arena, int, count + 1);
    el->graph->scope = "";
    el->graph->at = training->point->optimiser->span;
    for (int i = 0; i < el->model->variables.count; i++)
        el->model->variables.at[i]->versions = i < training->variable_count ? training->versions[i] : 0;
}

/* The gradients of all members of the groups that this entry reaches, flat. */
static int group_gradients(Elab *el, const Training *training, const GroupList *groups, uint64_t bit,
                           GroupUpdate *updates) {
    VEC(Node *) reads = {0};
    int count = 0, place = 0;
    for (int i = 0; i < groups->count; i++) {
        const Variable *flat = groups->at[i].variable;
        for (int k = 0; k < flat->members.count && groups->at[i].trainings & bit; k++)
            vec_push(el->arena, &reads, training->reads[flat->members.at[k]->id]);
    }
    Node **gradients = NEW_ARRAY(el->arena, Node *, reads.count + 1);
    grad(el->graph, training->loss, reads.at, reads.count, gradients);
    for (int i = 0; i < groups->count; i++) {
        Variable *flat = groups->at[i].variable;
        if (!(groups->at[i].trainings & bit)) continue;
        Node **parts = NEW_ARRAY(el->arena, Node *, flat->members.count);
        for (int k = 0; k < flat->members.count; k++, place++) {
            Node *gradient = gradients[place];
            if (!gradient) return 0;
            name_node(el, gradient, name_of(el->names, arena_printf(el->arena, "d_%s", reads.at[place]->name)));
            Shape shape = {.rank = 1, .size = {shape_count(&gradient->shape)}};
            parts[k] = reshape(el->graph, gradient, shape);
        }
        Node *gradient = flat->members.count == 1 ? parts[0] : concat(el->graph, parts, flat->members.count, 0);
        node_title(gradient, "gradients");
        updates[count++] = (GroupUpdate){.group = flat, .number = i, .gradient = gradient};
    }
    return count;
}

/* ---- specialisations of one train entry ---- */

/* They share the groups and their moments, so all of them train the same parameters. */
static bool train_the_same(Elab *el, const Training *a, const Training *b) {
    for (int i = 0; i < a->variable_count && a->point == b->point; i++) {
        if (!a->reads[i] == !b->reads[i]) continue;
        const Entry *with = (a->reads[i] ? a : b)->entry, *without = (a->reads[i] ? b : a)->entry;
        Message *message = diag_error(el->diag, a->point->name.span, E0417, "%s trains %s, but %s does not", with->name,
                                      el->model->variables.at[i]->path, without->name);
        note_touched(el, message, a->touched);
        diag_help(message, "all sizes share the optimiser's state: let the loss depend on the same parameters for all");
        return false;
    }
    return true;
}

/* The optimiser's arguments are evaluated last: what they depend on can't add specialisations. */
static void check_optimiser(Elab *el, const Training *training, const Training *before) {
    unsigned unknown = el->touched & ~training->touched;
    const Expr *optimiser = training->point->optimiser;
    bool same = !before || before->point != training->point || before->entry->accumulate == training->entry->accumulate;
    Message *message = NULL;
    if (unknown)
        message = diag_error(el->diag, optimiser->span, E0417, "the optimiser depends on %s, but `%s` does not",
                             touched_text(el, unknown), training->entry->point);
    else if (!same)
        message = diag_error(el->diag, optimiser->span, E0417, "`accumulate` depends on %s",
                             touched_text(el, training->touched));
    if (!message) return;
    note_touched(el, message, unknown ? unknown : training->touched);
    diag_help(message, "use a const instead");
}

static void finish(Elab *el, Training *training, const GroupList *groups, bool several) {
    sizes_choose(el, training->chosen);
    resume(el, training);
    GroupUpdate *updates = NEW_ARRAY(el->arena, GroupUpdate, groups->count + 1);
    el->graph->phase = PHASE_BACKWARD;
    int count = group_gradients(el, training, groups, (uint64_t)1 << training->number, updates);
    el->touched = 0;
    optimiser_update(el, training, several ? training->entry->point : "", updates, count);
    el->graph->phase = PHASE_FORWARD;
}

void trainings_finish(Elab *el) {
    int count = el->trainings.count, last = count ? el->trainings.at[count - 1]->number : 0;
    if (last >= 64) {
        diag_error(el->diag, el->trainings.at[count - 1]->point->name.span, E0207, "more than 64 train entries");
        return;
    }
    for (int i = 1; i < count; i++)
        if (!train_the_same(el, el->trainings.at[i - 1], el->trainings.at[i])) return;
    GroupList groups = make_groups(el);
    for (int i = 0; i < count; i++) {
        finish(el, el->trainings.at[i], &groups, last > 0);
        check_optimiser(el, el->trainings.at[i], i ? el->trainings.at[i - 1] : NULL);
    }
    el->graph = NULL;
}

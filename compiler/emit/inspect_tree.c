/* inspect_tree.c: a function of the written C as a small tree, so that the rules need libclang no more.
 *
 *     c00 += a0 * b0;      CompoundAssignOperator "+=" { c00, BinaryOperator "*" { a0, b0 } }
 *
 * libclang keeps conversions as nodes of their own, and so does this: a float that C makes a double is seen. */
#include "emit/inspect.h"

#include <ctype.h>
#include <string.h>

typedef struct Builder {
    const Written *written;
    Piece *parent, *last;
} Builder;

static size_t offset_of(CXSourceLocation location) {
    unsigned offset = 0;
    clang_getFileLocation(location, NULL, NULL, NULL, &offset);
    return offset;
}

static const char *text_of(const Written *w, size_t from, size_t to) {
    if (to > w->output->source.length) to = w->output->source.length;
    return from < to ? arena_strndup(w->arena, w->output->source.at + from, to - from) : "";
}

static const char *word_at(const Written *w, size_t offset) {
    const char *source = w->output->source.at;
    size_t end = offset;
    while (end < w->output->source.length && (isalnum((unsigned char)source[end]) || source[end] == '_')) end++;
    return text_of(w, offset, end);
}

static void put_type(Piece *piece, CXCursor cursor) {
    CXType type = clang_getCanonicalType(clang_getCursorType(cursor));
    piece->lanes = 1;
    if (type.kind == CXType_Vector || type.kind == CXType_ExtVector) {
        piece->lanes = (int)clang_getNumElements(type);
        type = clang_getCanonicalType(clang_getElementType(type));
    }
    piece->twofold = type.kind == CXType_Double || type.kind == CXType_LongDouble;
    if (type.kind == CXType_Pointer) type = clang_getCanonicalType(clang_getPointeeType(type));
    piece->whole = type.kind >= CXType_Bool && type.kind <= CXType_Int128;
}

/* What stands between two operands, or before or behind the only one. */
static const char *operator_of(const Written *w, const Piece *piece) {
    const Piece *left = piece->child, *right = left ? left->next : NULL;
    if (!left) return "";
    size_t from = right ? left->to : left->from > piece->from ? piece->from : left->to;
    size_t to = right ? right->from : left->from > piece->from ? left->from : piece->to;
    const char *source = w->output->source.at;
    while (from < to && isspace((unsigned char)source[from])) from++;
    while (to > from && isspace((unsigned char)source[to - 1])) to--;
    return text_of(w, from, to);
}

static void put_name(const Written *w, Piece *piece, CXCursor cursor) {
    switch (piece->kind) {
    case CXCursor_DeclRefExpr:
    case CXCursor_VarDecl:
    case CXCursor_ParmDecl:
    case CXCursor_FunctionDecl:
    case CXCursor_MemberRefExpr:
    case CXCursor_MemberRef:
        piece->name = word_at(w, offset_of(clang_getCursorLocation(cursor)));
        break;
    case CXCursor_CallExpr:
        piece->name = word_at(w, piece->from);
        break;
    case CXCursor_IntegerLiteral:
    case CXCursor_FloatingLiteral:
        piece->name = text_of(w, piece->from, piece->to);
        break;
    case CXCursor_BinaryOperator:
    case CXCursor_CompoundAssignOperator:
    case CXCursor_UnaryOperator:
        piece->name = operator_of(w, piece);
        break;
    default:
        piece->name = "";
    }
}

static Piece *tree_of(const Written *w, CXCursor cursor);

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data) {
    Builder *b = data;
    Piece *piece = tree_of(b->written, cursor);
    (void)parent;
    *(b->last ? &b->last->next : &b->parent->child) = piece;
    b->last = piece;
    return CXChildVisit_Continue;
}

static Piece *tree_of(const Written *w, CXCursor cursor) {
    CXSourceRange extent = clang_getCursorExtent(cursor);
    Piece *piece = NEW(w->arena, Piece);
    piece->kind = (int)clang_getCursorKind(cursor);
    piece->from = offset_of(clang_getRangeStart(extent));
    piece->to = offset_of(clang_getRangeEnd(extent));
    put_type(piece, cursor);
    piece->twofold = piece->twofold && clang_isExpression(clang_getCursorKind(cursor));
    Builder builder = {w, piece, NULL};
    clang_visitChildren(cursor, visit, &builder);
    put_name(w, piece, cursor);
    return piece;
}

Piece *piece_of(const Written *w, CXCursor function) {
    return tree_of(w, function);
}

Piece *piece_child(const Piece *piece, int index) {
    Piece *child = piece->child;
    while (child && index-- > 0) child = child->next;
    return child;
}

const Piece *piece_condition(const Piece *loop) {
    const Piece *condition = piece_plain(piece_child(loop, 1));
    bool told = condition && condition->kind == CXCursor_CallExpr && !strcmp(condition->name, "TG_LIKELY");
    return told ? piece_plain(piece_child(condition, 1)) : condition;
}

const Piece *piece_plain(const Piece *piece) {
    while (piece && piece->child && !piece->child->next &&
           (piece->kind == CXCursor_ParenExpr || piece->kind == CXCursor_UnexposedExpr))
        piece = piece->child;
    return piece;
}

/* c_functions.c: the functions that a C header defines, read through libclang.
 *
 * In: the text of a header of user functions. Out: one CFunction for each that it defines itself:
 *
 *     static inline double swish(double x) { return x / (1 + exp(-x)); }
 *     name "swish", result "double", argument {"double"}, internal, inline, cost 18
 *
 * The text is parsed as part of a C file, as it will stand in the generated one, with every warning; the first thing
 * that libclang says against it is the trouble. Such a header stands alone: it includes system headers only. */
#include "lang/c_functions.h"

#include <clang-c/Index.h>
#include <stdlib.h>
#include <string.h>

static const char unit_path[] = "/tgc/functions.c", header_path[] = "/tgc/functions.h";
static const char unit_text[] = "#include \"functions.h\"\n";

typedef struct Reader {
    Arena *arena;
    CHeader *header;
    CFunction *function; /* whose body is being counted */
} Reader;

static const char *kept(Arena *arena, CXString string) {
    const char *text = clang_getCString(string);
    const char *copy = arena_printf(arena, "%s", text ? text : "");
    clang_disposeString(string);
    return copy;
}

/* Whether a place lies in the header itself, and on which line. */
static bool in_header(Arena *arena, CXSourceLocation location, unsigned *line) {
    CXFile file = NULL;
    clang_getExpansionLocation(location, &file, line, NULL, NULL);
    return file && strcmp(kept(arena, clang_getFileName(file)), header_path) == 0;
}

static void trouble(Reader *r, unsigned line, const char *text) {
    if (r->header->trouble) return;
    r->header->trouble = text;
    r->header->trouble_line = line;
}

/* Whether one of the tokens of a cursor begins so. */
static bool says(CXCursor cursor, const char *start) {
    CXTranslationUnit unit = clang_Cursor_getTranslationUnit(cursor);
    CXToken *tokens = NULL;
    unsigned count = 0;
    bool found = false;
    clang_tokenize(unit, clang_getCursorExtent(cursor), &tokens, &count);
    for (unsigned i = 0; i < count && !found; i++) {
        CXString spelling = clang_getTokenSpelling(unit, tokens[i]);
        found = strncmp(clang_getCString(spelling), start, strlen(start)) == 0;
        clang_disposeString(spelling);
    }
    clang_disposeTokens(unit, tokens, count);
    return found;
}

/* ---- what a body costs ---- */

enum { COST_DIVIDE = 4, COST_CALL = 12 };

static enum CXChildVisitResult count_cost(CXCursor cursor, CXCursor parent, CXClientData data) {
    Reader *r = data;
    (void)parent;
    switch (clang_getCursorKind(cursor)) {
    case CXCursor_CallExpr:
        r->function->cost += COST_CALL;
        break;
    case CXCursor_BinaryOperator:
    case CXCursor_CompoundAssignOperator:
        r->function->cost += says(cursor, "/") ? COST_DIVIDE : 1;
        break;
    case CXCursor_UnaryOperator:
    case CXCursor_ConditionalOperator:
        r->function->cost += 1;
        break;
    default:
        break;
    }
    return CXChildVisit_Recurse;
}

/* ---- declarations ---- */

static void read_function(Reader *r, CXCursor cursor, unsigned line) {
    CFunction function = {.name = kept(r->arena, clang_getCursorSpelling(cursor)), .line = line};
    CXType result = clang_getCanonicalType(clang_getCursorResultType(cursor));
    function.result = kept(r->arena, clang_getTypeSpelling(result));
    function.argument_count = clang_Cursor_getNumArguments(cursor);
    for (int i = 0; i < function.argument_count && i < C_ARGUMENTS; i++) {
        CXType type = clang_getCanonicalType(clang_getCursorType(clang_Cursor_getArgument(cursor, (unsigned)i)));
        function.argument[i] = kept(r->arena, clang_getTypeSpelling(type));
    }
    function.internal = clang_getCursorLinkage(cursor) == CXLinkage_Internal;
    r->function = &function;
    clang_visitChildren(cursor, count_cost, r);
    vec_push(r->arena, &r->header->functions, function);
    vec_push(r->arena, &r->header->names, function.name);
}

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data) {
    Reader *r = data;
    unsigned line = 0;
    (void)parent;
    if (!in_header(r->arena, clang_getCursorLocation(cursor), &line)) return CXChildVisit_Continue;
    const char *name = kept(r->arena, clang_getCursorSpelling(cursor));
    switch (clang_getCursorKind(cursor)) {
    case CXCursor_FunctionDecl:
        if (clang_isCursorDefinition(cursor)) read_function(r, cursor, line);
        break;
    case CXCursor_MacroDefinition:
        vec_push(r->arena, &r->header->macros, name);
        break;
    case CXCursor_VarDecl:
        if (!clang_isConstQualifiedType(clang_getCursorType(cursor)))
            trouble(r, line, arena_printf(r->arena, "the variable `%s` is not const: kernels run in threads", name));
        vec_push(r->arena, &r->header->names, name);
        break;
    case CXCursor_InclusionDirective:
        if (says(cursor, "\""))
            trouble(r, line,
                    arena_printf(r->arena, "it includes \"%s\"; a header of functions includes <…> alone", name));
        break;
    default:
        if (*name && clang_isDeclaration(clang_getCursorKind(cursor))) vec_push(r->arena, &r->header->names, name);
        break;
    }
    return CXChildVisit_Continue;
}

static void read_diagnostics(Reader *r, CXTranslationUnit unit) {
    for (unsigned i = 0; i < clang_getNumDiagnostics(unit); i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
        unsigned line = 0;
        in_header(r->arena, clang_getDiagnosticLocation(diagnostic), &line);
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Warning)
            trouble(r, line, kept(r->arena, clang_getDiagnosticSpelling(diagnostic)));
        clang_disposeDiagnostic(diagnostic);
    }
}

/* ---- the whole header ---- */

const CFunction *c_function(const CHeader *header, const char *name) {
    for (int i = 0; i < header->functions.count; i++)
        if (strcmp(header->functions.at[i].name, name) == 0) return &header->functions.at[i];
    return NULL;
}

CHeader *c_header_read(Arena *arena, const char *text, size_t size) {
    static const char *const arguments[] = {"-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-function", "-fsyntax-only"};
    struct CXUnsavedFile files[] = {{unit_path, unit_text, sizeof unit_text - 1}, {header_path, text, size}};
    Reader r = {.arena = arena, .header = NEW(arena, CHeader)};
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit unit = NULL;
    enum CXErrorCode failed =
        clang_parseTranslationUnit2(index, unit_path, arguments, sizeof arguments / sizeof *arguments, files, 2,
                                    CXTranslationUnit_DetailedPreprocessingRecord, &unit);
    if (failed || !unit) fatal("elaborate", "libclang could not parse a header (error %d)", (int)failed);
    clang_visitChildren(clang_getTranslationUnitCursor(unit), visit, &r);
    read_diagnostics(&r, unit);
    clang_disposeTranslationUnit(unit);
    clang_disposeIndex(index);
    return r.header;
}

# The scanner and the parser: flex and bison write them into the build folder, as sources of the layer lang.
find_package(FLEX 2.6)
find_package(BISON 3.7)
tgc_need("flex 2.6" FLEX_FOUND flex)
tgc_need("bison 3.7" BISON_FOUND bison)

set(TGC_GRAMMAR_DIR ${CMAKE_BINARY_DIR}/grammar)
file(MAKE_DIRECTORY ${TGC_GRAMMAR_DIR})
bison_target(tg_parser ${CMAKE_SOURCE_DIR}/grammar/tg.y ${TGC_GRAMMAR_DIR}/tg.tab.c
             DEFINES_FILE ${TGC_GRAMMAR_DIR}/tg.tab.h COMPILE_FLAGS "-Wall -Werror")
flex_target(tg_scanner ${CMAKE_SOURCE_DIR}/grammar/tg.l ${TGC_GRAMMAR_DIR}/tg.lex.c)
add_flex_bison_dependency(tg_scanner tg_parser)

# What flex and bison write themselves is not held to the project's warnings.
set_source_files_properties(${BISON_tg_parser_OUTPUTS} ${FLEX_tg_scanner_OUTPUTS} PROPERTIES
                            COMPILE_OPTIONS "-Wno-error;-Wno-sign-compare;-Wno-unused-function;-Wno-pedantic;-Wno-unused-but-set-variable;-Wno-missing-prototypes;-Wno-shadow")
list(APPEND TGC_EXTRA_lang ${BISON_tg_parser_OUTPUTS} ${FLEX_tg_scanner_OUTPUTS})
include_directories(${TGC_GRAMMAR_DIR})

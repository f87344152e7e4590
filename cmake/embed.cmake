# Texts built into the compiler, as one C file of byte arrays per table: the same files give the same bytes.
#
#   tgc_embed(<layer> <table> <file>...)   const EmbeddedFile <table>[] = {{name, text, size}, ..., {NULL, NULL, 0}};
#
# The generated file joins <layer>; the table's name of a file is its name without folders.
if(CMAKE_SCRIPT_MODE_FILE)
  # cmake -DTABLE=... -DOUT=... -DFILES=a|b -P embed.cmake
  string(REPLACE "|" ";" FILES "${FILES}")
  set(arrays "")
  set(rows "")
  set(index 0)
  foreach(file ${FILES})
    get_filename_component(name ${file} NAME)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(REPLACE "'\\x0a'," "'\\x0a',\n    " bytes "${bytes}") # a line of bytes per line of text
    string(APPEND arrays "static const char text_${index}[] = { /* ${name} */\n    ${bytes}0};\n\n")
    string(APPEND rows "    {\"${name}\", text_${index}, sizeof text_${index} - 1},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  file(WRITE ${OUT}.new "/* Written by cmake/embed.cmake. */\n#include \"pass/pass.h\"\n\n${arrays}"
                        "const EmbeddedFile ${TABLE}[] = {\n${rows}    {NULL, NULL, 0},\n};\n")
  file(RENAME ${OUT}.new ${OUT})
  return()
endif()

set(TGC_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(tgc_embed layer table)
  set(out ${CMAKE_BINARY_DIR}/generated/${table}.c)
  set(files ${ARGN})
  list(SORT files)
  string(REPLACE ";" "|" joined "${files}")
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DTABLE=${table} -DOUT=${out} -DFILES=${joined} -P ${TGC_EMBED_SCRIPT}
    DEPENDS ${files} ${TGC_EMBED_SCRIPT}
    COMMENT "Embedding ${table}"
    VERBATIM)
  set(TGC_EXTRA_${layer} ${TGC_EXTRA_${layer}} ${out} PARENT_SCOPE)
endfunction()

file(GLOB std_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/std/*.tg)
tgc_embed(pass embedded_std ${std_files})
file(GLOB runtime_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/*.h ${CMAKE_SOURCE_DIR}/runtime/*.c)
tgc_embed(emit embedded_runtime ${runtime_files})
tgc_embed(command embedded_bench ${CMAKE_SOURCE_DIR}/bench/peak.c) # tgc bench measures the peak in the same run
tgc_embed(command embedded_errors ${CMAKE_SOURCE_DIR}/docs/errors.md) # what tgc explain prints
file(GLOB html_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/compiler/command/html/*)
tgc_embed(command embedded_html ${html_files}) # the page of tgc inspect --html

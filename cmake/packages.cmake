# The packages the build stands on, each found or named: docs/dependencies.md says what each is for.
find_package(Threads REQUIRED)

# tgc_need(<what> <variable> <debian package>): stops with the package's name when <variable> was not found.
function(tgc_need what variable package)
  if(NOT ${variable})
    message(FATAL_ERROR "${what} not found: install ${package} (Debian's name), or run scripts/setup")
  endif()
endfunction()

find_path(CJSON_INCLUDE cjson/cJSON.h)
find_library(CJSON_LIBRARY cjson)
tgc_need("cJSON's header cjson/cJSON.h" CJSON_INCLUDE libcjson-dev)
tgc_need("cJSON's library" CJSON_LIBRARY libcjson-dev)

# libclang: llvm-config knows where it lies; without one, the usual folders, newest version first.
find_program(LLVM_CONFIG NAMES llvm-config)
if(LLVM_CONFIG)
  execute_process(COMMAND ${LLVM_CONFIG} --includedir OUTPUT_VARIABLE llvm_include OUTPUT_STRIP_TRAILING_WHITESPACE
                  ERROR_QUIET)
  execute_process(COMMAND ${LLVM_CONFIG} --libdir OUTPUT_VARIABLE llvm_lib OUTPUT_STRIP_TRAILING_WHITESPACE
                  ERROR_QUIET)
endif()
file(GLOB llvm_roots /usr/lib/llvm-* /usr/lib64/llvm* /usr/local/opt/llvm /opt/homebrew/opt/llvm)
list(SORT llvm_roots COMPARE NATURAL ORDER DESCENDING)
set(llvm_includes ${llvm_include})
set(llvm_libs ${llvm_lib})
foreach(root ${llvm_roots})
  list(APPEND llvm_includes ${root}/include)
  list(APPEND llvm_libs ${root}/lib ${root}/lib64)
endforeach()
find_path(LIBCLANG_INCLUDE clang-c/Index.h PATHS ${llvm_includes})
find_library(LIBCLANG_LIBRARY NAMES clang PATHS ${llvm_libs})
tgc_need("libclang's header clang-c/Index.h" LIBCLANG_INCLUDE libclang-dev)
tgc_need("libclang" LIBCLANG_LIBRARY libclang-dev)

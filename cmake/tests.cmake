# Tests, all run by ctest. Adding one is adding a file:
#   tests/unit/test_*.c                   a CUnit program
#   tests/{cli,structure,library,faults}/*.sh   a shell test, run by tests/run
#   tests/matrix/*.c                      one program: every operation in every form, its gradients by differences
#   tests/models/*.tg                     compiled code against the evaluator, by tests/compare-model
#   {examples,tests}/*/*.cases            calls with exact numbers, by tests/tool/cases
set(TGC_TEST_ENVIRONMENT "TGC=${CMAKE_BINARY_DIR}/tgc" "TGC_TOOLS=${CMAKE_BINARY_DIR}/tools"
                         "TGC_ROOT=${CMAKE_SOURCE_DIR}" "NO_COLOR=1")
if(TGC_SANITIZE)
  string(REPLACE ";" " " flags "${TGC_SANITIZE_FLAGS}")
  list(APPEND TGC_TEST_ENVIRONMENT "TGC_CFLAGS=${flags}" "TGC_SANITIZE=1" "ASAN_OPTIONS=detect_leaks=0"
                                   "UBSAN_OPTIONS=print_stacktrace=1")
endif()

# tgc_test(<name> <seconds> <command…>)
function(tgc_test name seconds)
  if(TGC_SANITIZE)
    math(EXPR seconds "${seconds} * 4")
  endif()
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds} ENVIRONMENT "${TGC_TEST_ENVIRONMENT}"
                                          SKIP_RETURN_CODE 77)
endfunction()

# ---- unit tests: each is linked with the layers up to the last whose header it includes ----
find_path(CUNIT_INCLUDE CUnit/CUnit.h)
find_library(CUNIT_LIBRARY cunit)
tgc_need("CUnit's header CUnit/CUnit.h" CUNIT_INCLUDE libcunit1-dev)
tgc_need("CUnit's library" CUNIT_LIBRARY libcunit1-dev)

function(tgc_unit_test source)
  get_filename_component(name ${source} NAME_WE)
  file(STRINGS ${source} includes REGEX "^#include \"")
  set(parts)
  set(seen)
  foreach(layer ${TGC_BUILT_LAYERS} pipeline command)
    list(APPEND seen ${layer})
    if(includes MATCHES "\"${layer}/" OR includes MATCHES "\"${layer}\\.h\"")
      set(parts ${seen})
    endif()
  endforeach()
  add_executable(${name} ${source})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  file(STRINGS ${source} cflags REGEX "^/\\* cflags: ") # a test that is about instructions names its own
  if(cflags MATCHES "cflags: (.*) \\*/")
    separate_arguments(cflags UNIX_COMMAND "${CMAKE_MATCH_1}")
    target_compile_options(${name} PRIVATE ${cflags})
  endif()
  target_include_directories(${name} SYSTEM PRIVATE ${CUNIT_INCLUDE} ${CJSON_INCLUDE})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
  foreach(part ${parts} runtime)
    if(TARGET tgc_${part})
      target_link_libraries(${name} PRIVATE tgc_${part})
    endif()
  endforeach()
  target_link_libraries(${name} PRIVATE ${CUNIT_LIBRARY} ${TGC_SYSTEM_LIBRARIES})
  string(REPLACE "test_" "unit/" test ${name})
  tgc_test(${test} 120 ${name})
endfunction()

file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/test_*.c)
foreach(source ${unit_tests})
  tgc_unit_test(${source})
endforeach()

# ---- the tools that data-driven tests are run by ----
file(GLOB tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/tool/*.c)
foreach(source ${tools})
  get_filename_component(name ${source} NAME_WE)
  add_executable(tool_${name} ${source})
  target_compile_definitions(tool_${name} PRIVATE _GNU_SOURCE)
  set_target_properties(tool_${name} PROPERTIES OUTPUT_NAME ${name}
                                                RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
  if(TARGET tgc_runtime)
    target_link_libraries(tool_${name} PRIVATE tgc_runtime)
  endif()
  target_link_libraries(tool_${name} PRIVATE ${CJSON_LIBRARY} ${CMAKE_DL_LIBS} Threads::Threads m)
endforeach()

# ---- what makes calls of the system and of malloc fail, for tests/faults: put before glibc, not under sanitizers ----
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT TGC_SANITIZE)
  add_library(faults SHARED ${CMAKE_SOURCE_DIR}/tests/faults/interpose.c)
  set_target_properties(faults PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
  target_compile_options(faults PRIVATE -Wno-pedantic -fno-builtin)
  target_link_libraries(faults PRIVATE ${CMAKE_DL_LIBS} Threads::Threads)
endif()

# ---- the gradient matrix: small entry points over every operation ----
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/matrix/*.c)
add_executable(tool_matrix ${sources})
target_compile_definitions(tool_matrix PRIVATE _GNU_SOURCE)
set_target_properties(tool_matrix PROPERTIES OUTPUT_NAME matrix RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
foreach(part ${TGC_BUILT_LAYERS} pipeline command runtime)
  target_link_libraries(tool_matrix PRIVATE tgc_${part})
endforeach()
target_link_libraries(tool_matrix PRIVATE ${TGC_SYSTEM_LIBRARIES})
tgc_test(matrix/sample 300 ${CMAKE_SOURCE_DIR}/tests/matrix/run --seed 1 --count 450 --batch 450)
tgc_test(matrix/cover 120 ${CMAKE_SOURCE_DIR}/tests/matrix/run --cover)

# ---- shell tests ----
foreach(folder cli structure library faults fuzz)
  file(GLOB shell_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.sh)
  foreach(source ${shell_tests})
    get_filename_component(name ${source} NAME_WE)
    tgc_test(${folder}/${name} 300 ${CMAKE_SOURCE_DIR}/tests/run ${source})
  endforeach()
endforeach()
file(GLOB shell_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*/test.sh)
foreach(source ${shell_tests})
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(name ${folder} NAME)
  tgc_test(examples/${name}/test 600 ${CMAKE_SOURCE_DIR}/tests/run ${source})
endforeach()

# ---- adjoint rules broken one by one: a sample of tests/mutation/run ----
if(NOT TGC_SANITIZE)
  tgc_test(mutation/sample 600 ${CMAKE_SOURCE_DIR}/tests/mutation/run --every 25)
endif()

# ---- training killed at random moments; by hand with --count 200 ----
tgc_test(faults/kill 300 ${CMAKE_SOURCE_DIR}/tests/faults/kill --count 8 --seed 1)

# ---- exact numbers ----
file(GLOB case_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*/*.cases ${CMAKE_SOURCE_DIR}/tests/*/*.cases)
foreach(source ${case_files})
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
  string(REPLACE ".cases" "" name ${name})
  tgc_test(${name} 600 ${CMAKE_BINARY_DIR}/tools/cases ${source})
endforeach()

# ---- whole models: compiled code against the evaluator ----
file(GLOB models CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/models/*.tg)
foreach(source ${models})
  get_filename_component(name ${source} NAME_WE)
  tgc_test(models/${name} 600 ${CMAKE_SOURCE_DIR}/tests/compare-model ${source})
endforeach()

# ---- random models ----
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/graphs/*.c)
add_executable(tool_graphs ${sources})
target_compile_definitions(tool_graphs PRIVATE _GNU_SOURCE)
target_link_libraries(tool_graphs PRIVATE tgc_base m)
set_target_properties(tool_graphs PROPERTIES OUTPUT_NAME graphs RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
add_executable(tool_reduce tests/fuzz/reduce/reduce.c)
target_compile_definitions(tool_reduce PRIVATE _GNU_SOURCE)
target_link_libraries(tool_reduce PRIVATE tgc_base)
set_target_properties(tool_reduce PROPERTIES OUTPUT_NAME reduce RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
tgc_test(fuzz/models 600 ${CMAKE_SOURCE_DIR}/tests/fuzz/models --count 150 --seed 5)

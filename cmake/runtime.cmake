# The runtime that models are linked with, linked into the compiler too: it calls what it built in its own process.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/*.c)
if(sources)
  add_library(tgc_runtime OBJECT ${sources})
  target_include_directories(tgc_runtime SYSTEM PRIVATE ${CJSON_INCLUDE})
endif()

# The same files as texts inside the compiler, which writes them beside a model or into it: embedded_runtime.
file(GLOB runtime_texts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/*.c ${CMAKE_SOURCE_DIR}/runtime/*.h)
tgc_embed(emit embedded_runtime ${runtime_texts})

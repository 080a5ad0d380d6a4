# Resources of the program: version, manifest, icon, and the texts of events. A
# target of their own, for the resource compiler knows none of the C compiler's
# options.
enable_language(RC)
find_program(MESSAGE_COMPILER
  NAMES x86_64-w64-mingw32-windmc windmc mc REQUIRED)
set(resources ${CMAKE_CURRENT_BINARY_DIR}/resources)
file(CONFIGURE OUTPUT ${resources}/version.h CONTENT
"#define FL_VERSION \"${PROJECT_VERSION}\"
#define FL_VERSION_NUMBERS ${PROJECT_VERSION_MAJOR}, ${PROJECT_VERSION_MINOR}, \\
  ${PROJECT_VERSION_PATCH}, 0
")
add_custom_command(
  OUTPUT ${resources}/messages.h ${resources}/messages.rc
  COMMAND ${MESSAGE_COMPILER} -h ${resources} -r ${resources}
    ${CMAKE_SOURCE_DIR}/service/windows/messages.mc
  DEPENDS service/windows/messages.mc)
set(contents ${resources}/messages.rc
  ${CMAKE_SOURCE_DIR}/service/windows/fairlead.manifest
  ${CMAKE_SOURCE_DIR}/packaging/windows/fairlead.ico)
set_source_files_properties(service/windows/fairlead.rc PROPERTIES
  OBJECT_DEPENDS "${contents}")
add_library(fl_resources OBJECT service/windows/fairlead.rc)
target_include_directories(fl_resources
  PRIVATE ${CMAKE_SOURCE_DIR} ${resources})
target_sources(fairlead PRIVATE
  ${resources}/messages.h $<TARGET_OBJECTS:fl_resources>)
target_include_directories(fairlead SYSTEM PRIVATE ${resources})

# What `cmake --install` puts where, for Debian's package and for others
# (docs/linux.md).
include(GNUInstallDirs)
set(share ${CMAKE_INSTALL_DATADIR}/fairlead)

install(TARGETS fairlead RUNTIME)

# An editor finds the schema where it is installed.
file(READ config/config.json configuration)
string(REPLACE "\"config.schema.json\""
  "\"file://${CMAKE_INSTALL_FULL_DATADIR}/fairlead/config.schema.json\""
  configuration "${configuration}")
file(CONFIGURE OUTPUT installed/config.json CONTENT "${configuration}" @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/installed/config.json
  DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/fairlead)

install(FILES config/config.schema.json DESTINATION ${share})
install(DIRECTORY config/examples DESTINATION ${share})

#include "service/program.h"

int main(int argc, char *argv[]) { return fl_program(argc, argv); }

/* main.c: tgc, the compiler. Everything it takes and gives is said in command/command.h; options stand in tables. */
#include "command/command.h"

int main(int argc, char **argv) {
    return command_main(argc, argv);
}

/* Runs gateways on a simulated network, seed after seed:
     fairlead-sim [--seeds N] [--from SEED] [--seed SEED] [--verbose] */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
  uint64_t seeds;
  uint64_t from;
  bool verbose;
};

static uint64_t running; /* the seed, for on_abort */

/* An assertion in core ends the process: say where to find it again. (Called
   out of abort(), where the C library may be used.) */
static void on_abort(int number) {
  (void)number;
  printf("seed %" PRIu64 ": an assertion failed\n"
         "  replay: fairlead-sim --seed %" PRIu64 " --verbose\n",
         running, running);
  fflush(stdout);
}

static int usage(void) {
  fprintf(stderr, "usage: fairlead-sim [--seeds N] [--from SEED] "
                  "[--seed SEED] [--verbose]\n");
  return 2;
}

static bool number(const char *text, uint64_t *value) {
  char *end;
  if (text == NULL || *text < '0' || *text > '9')
    return false;
  *value = strtoull(text, &end, 10);
  return *end == '\0';
}

static bool parse(char **argv, struct options *options) {
  for (argv++; *argv != NULL; argv++) {
    if (strcmp(*argv, "--verbose") == 0) {
      options->verbose = true;
      continue;
    }
    if (strcmp(*argv, "--seeds") == 0) {
      if (!number(*++argv, &options->seeds))
        return false;
    } else if (strcmp(*argv, "--from") == 0) {
      if (!number(*++argv, &options->from))
        return false;
    } else if (strcmp(*argv, "--seed") == 0) {
      options->seeds = 1;
      if (!number(*++argv, &options->from))
        return false;
    } else {
      return false;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  struct options options = {.seeds = 100, .from = 1};
  uint64_t failed = 0;
  if (argc < 1 || !parse(argv, &options))
    return usage();
  signal(SIGABRT, on_abort);
  for (uint64_t i = 0; i < options.seeds; i++) {
    running = options.from + i;
    if (!sim_run(running, options.verbose))
      failed++;
  }
  printf("sim: %" PRIu64 " passed, %" PRIu64 " failed\n",
         options.seeds - failed, failed);
  return failed == 0 ? 0 : 1;
}

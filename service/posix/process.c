#include "service/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* The soft limit is low by default for programs that use select(2), which
   this one does not; the hard limit is what the administrator allows. */
static void raise_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void fl_process_prepare_client(void) { (void)signal(SIGPIPE, SIG_IGN); }

void fl_process_prepare(void) {
  fl_process_prepare_client();
  (void)signal(SIGHUP, SIG_IGN);
  (void)signal(SIGUSR1, SIG_IGN); /* until it is watched */
  raise_descriptors();
}

void fl_process_exit(int status) { _exit(status); }

#include "tests/sim/operator.h"

#include "core/operator.h"
#include "tests/sim/worker.h"

/* What is taken out comes back within this, so that whoever waits for it gets
   an answer. */
#define OUT_FOR (2 * FL_SECOND)

struct operator{
  struct sim *sim;
  struct sim_random random; /* its own */
};

struct word {
  struct operator* operator;
  uint32_t upstream;
  uint32_t server;
  enum fl_admin_state admin;
};

static void apply(void *ctx, uint64_t arg) {
  struct sim_worker *worker = ctx;
  const struct sim *sim = worker->sim;
  (void)arg;
  if (worker->gateway == NULL)
    return;
  fl_operator_apply(worker->gateway, sim->clock.now);
  for (uint32_t i = 0; i < sim->config->upstream_count; i++)
    for (uint32_t k = 0; k < sim->config->upstreams[i].server_count; k++)
      worker->admin[i][k] =
          fl_standing_admin(sim->generation->upstreams[i].standings[k]);
  sim_worker_event(worker);
}

/* Workers hear of it at different moments. */
static void say(struct word *word, enum fl_admin_state admin) {
  struct sim *sim = word->operator->sim;
  sim_trace(sim, "operator: server %u of upstream %u: %d", word->server,
            word->upstream, (int)admin);
  sim->upstreams[word->upstream].shifted = true;
  fl_standing_say(
      sim->generation->upstreams[word->upstream].standings[word->server],
      admin);
  for (uint32_t i = 0; i < sim->worker_count; i++)
    sim_clock_after(&sim->clock,
                    sim_random_between(&word->operator->random, 0, 20000),
                    apply, sim->workers[i], 0);
}

static void restore(void *ctx, uint64_t arg) {
  (void)arg;
  if (!((struct word *)ctx)->operator->sim->ended)
    say(ctx, FL_ADMIN_IN);
}

static void act(void *ctx, uint64_t arg) {
  struct word *word = ctx;
  struct sim *sim = word->operator->sim;
  (void)arg;
  if (sim->phase != SIM_SERVING)
    return;
  say(word, word->admin);
  sim_clock_after(&sim->clock,
                  sim_random_between(&word->operator->random, 0, OUT_FOR),
                  restore, word, 0);
}

/* An ejection costs requests, which a clean upstream must not. */
static enum fl_admin_state draw(struct operator* operator, uint32_t upstream) {
  bool clean = operator->sim->upstreams[upstream].clean;
  return clean || sim_random_chance(&operator->random, 50) ? FL_ADMIN_DRAINED
                                                           : FL_ADMIN_EJECTED;
}

void sim_operator_plan(struct sim *sim) {
  struct operator* operator= sim_alloc(sim, sizeof *operator);
  operator->sim = sim;
  operator->random.state = ~sim->seed;
  if (!sim_random_chance(&operator->random, 40))
    return;
  sim->operates = true;
  uint64_t words = sim_random_between(&operator->random, 1, 12);
  for (uint64_t i = 0; i < words; i++) {
    struct word *word = sim_alloc(sim, sizeof *word);
    word->operator= operator;
    word->upstream = (uint32_t)sim_random_between(
        &operator->random, 0, sim->config->upstream_count - 1);
    word->server = (uint32_t)sim_random_between(
        &operator->random, 0,
        sim->config->upstreams[word->upstream].server_count - 1);
    word->admin = draw(operator, word->upstream);
    sim_clock_after(&sim->clock,
                    sim_random_between(&operator->random, 0, 4 * FL_SECOND),
                    act, word, 0);
  }
}

/* How messages stand on the wire between the simulation and a gateway. In the
   simulation every message is a line: text or bytes without LF, then LF. A
   wire puts it in a frame and takes it out again, by code of its own, so that
   core is not held against itself. */
#ifndef FL_TESTS_SIM_WIRE_H
#define FL_TESTS_SIM_WIRE_H

#include "core/framing.h"
#include "core/pair.h"
#include "tests/sim/random.h"

struct sim;

/* What a frame adds to a line at most. */
enum { SIM_WIRE_OVERHEAD = 24 };

/* The longest frame of Modbus. */
enum { SIM_WIRE_MODBUS_MAX = 260 };

/* The longest line in a frame of SIM_WIRE_FIXED bytes or more. */
enum { SIM_WIRE_FIXED = 112, SIM_WIRE_FIXED_MAX = 128 };

/* A framing the gateway can be configured with; `text` is its object. By id
   and key, it stands in the header of a length framing. */
struct sim_wire {
  struct fl_framing framing;
  struct fl_pair pair;
  bool modbus; /* the profile says all this, and more */
  char text[256];
};

/* Any framing, or one that carries errors (a line). */
struct sim_wire sim_wire_draw(struct sim_random *random);
struct sim_wire sim_wire_line(void);

struct sim_wire sim_wire_modbus(void);

/* A place for ids, and a framing with ids there. */
struct sim_wire sim_wire_draw_for(struct sim_random *random,
                                  const struct fl_pair *pair);
struct fl_pair sim_wire_draw_pair(struct sim_random *random);

/* Likewise for keys; of width 0: what stands between the dashes of the token
   with which lines begin. In a clean upstream none is refused. */
struct fl_pair sim_wire_draw_keys(struct sim_random *random, bool clean);

/* The greatest id. Requires: it has a width. No client draws it for a key. */
uint64_t sim_wire_id_max(const struct fl_pair *pair);

bool sim_wire_says_errors(const struct sim_wire *wire);

/* Whether a frame can be too long at all. */
bool sim_wire_may_exceed(const struct sim_wire *wire);

/* Whether lines for this wire may not have this byte. */
bool sim_wire_forbids(const struct sim_wire *wire, uint8_t byte);

/* The frame of a line, with this id if the wire has ids; it lives as long as
   the run. */
struct fl_slice sim_wire_frame(struct sim *sim, const struct sim_wire *wire,
                               uint64_t id, struct fl_slice line);

/* Bytes that no gateway can take for a frame of at most max_frame bytes, or
   for the start of one. Requires: sim_wire_may_exceed. */
struct fl_slice sim_wire_wrong(struct sim *sim, const struct sim_wire *wire,
                               size_t max_frame);

/* Takes frames apart. Zeroed but for wire and max. */
struct sim_wire_reader {
  const struct sim_wire *wire;
  size_t max;      /* a longer frame ends the stream; 0: none does */
  bool dead;       /* it has ended */
  size_t length;   /* bytes of the frame so far */
  size_t ended;    /* of them, of its end */
  size_t padding;  /* of them, that may be padding */
  uint64_t value;  /* of the length field so far */
  uint64_t weight; /* of its next byte */
  uint64_t size;   /* of the whole frame once the field is complete */
  uint64_t id;     /* of the frame begun last, or so much of it as came */
  bool exception;  /* of Modbus: it is one */
};

/* Passes the lines in the frames to take, byte by byte as they are certain. An
   exception's code is passed as a letter, A for 1, for one of them is LF. */
void sim_wire_read(struct sim_wire_reader *reader, struct fl_slice bytes,
                   void (*take)(void *ctx, uint8_t byte), void *ctx);

#endif

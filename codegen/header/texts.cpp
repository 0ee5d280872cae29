#include "codegen/header/texts.h"

#include "ir/random.h"

namespace nnc {

std::string_view const status_text = R"(/* ---- Types ---- */

typedef enum @_status {
  @_ok = 0,
  @_missing,       /* a pointer that the call needs is null */
  @_wrong_batch,   /* the batch is below 1, too large, or not the one that the code is made for */
  @_out_of_range,  /* a count below 1, net->steps or net->epoch among them, or a row that the data has not */
  @_small_memory,  /* net->memory_bytes is less than the function's _memory(batch, threads) */
  @_unsupported,   /* this processor lacks what the object was compiled for */
  @_other_object,  /* the object was made with another header than this one */
  @_not_finite     /* a loss is not finite since report->first_bad_step; the parameters are spoiled */
} @_status;

static inline const char *@_status_text(@_status status) {
  switch (status) {
  case @_ok: return "ok";
  case @_missing: return "a pointer is null";
  case @_wrong_batch: return "the batch is too small, too large, or not the one that the code is made for";
  case @_out_of_range: return "a count is below 1 (rows, steps of the training, epoch), or the data has no such row";
  case @_small_memory: return "the memory is too small";
  case @_unsupported: return "the processor lacks what the code was compiled for";
  case @_other_object: return "the header belongs to another object";
  case @_not_finite: return "a loss is not finite";
  }
  return "no status";
}

)";

std::string_view const calls_text = R"(/* ---- Functions. Those that end in '_' are for the others ---- */

static inline int32_t @_threads_(const @_net *net) { return net->team ? net->team->threads : 1; }

/* With room to align it, and for row numbers. */
static inline int64_t @_memory_(int64_t arena, int64_t batch) {
  return arena < 0 || batch < 0 || batch > INT64_C(0x7fffffff) ? -1 : arena + 63 + 4 * batch;
}

/* May the net make this call? */
static inline @_status @_check_(const @_net *net, nnc_arena arena, int64_t batch) {
  int64_t bytes;
  if (!net) return @_missing;
  if (@_interface() != @@_INTERFACE) return @_other_object;
  if (!@_supported()) return @_unsupported;
  if (batch < 1) return @_wrong_batch;
  bytes = @_memory_(arena(batch, @_threads_(net)), batch);
  if (bytes < 0) return @_wrong_batch;
  if (!net->memory) return @_missing;
  return net->memory_bytes < bytes ? @_small_memory : @_ok;
}

static inline void *@_arena_(const @_net *net) {
  return (void *)(((uintptr_t)net->memory + 63) & ~(uintptr_t)63);
}

static inline nnc_context @_context_(const @_net *net, int64_t batch, nnc_report *report) {
  nnc_context context;
  context.version = NNC_ABI_VERSION;
  context.threads = @_threads_(net);
  context.arguments = (void *const *)0;
  context.results = (void *const *)0;
  context.arena = @_arena_(net);
  context.scalars = (const double *)0;
  context.rows = (const int32_t *)0;
  context.batch = batch;
  context.examples = batch;
  context.seed = net->seed;
  context.stop_on_bad = 0;
  context.spins = 0;
  context.report = report;
  context.barrier = (nnc_barrier *)0;
  context.wait = (void (*)(nnc_context *, int32_t))0;
  context.wake = (void (*)(nnc_context *))0;
  context.host = (void *)0;
  report->sums = report->last = (double *)0;
  report->steps = report->examples = report->first_bad_step = report->clamped = report->zero_divided = 0;
  return context;
}

static inline @_status @_call_(const @_net *net, nnc_entry entry, nnc_context *context, int64_t first, int64_t steps) {
  int32_t status = net->team ? net->team->run(net->team, entry, context, first, steps) : entry(context, 0, first, steps);
  if (status != 0) return @_other_object;
  return context->report->first_bad_step ? @_not_finite : @_ok;
}

)";

static_assert(philox_rounds == 10 && philox_multiplier_0 == 0xd2511f53 && philox_multiplier_1 == 0xcd9e8d57 &&
              philox_key_step_0 == 0x9e3779b9 && philox_key_step_1 == 0xbb67ae85);

std::string_view const shuffle_text =
    R"(/* Fills rows[0 .. count) with 0 .. count-1 in the order in which nnc --train takes the examples in this epoch, from 1:
   a Fisher-Yates shuffle by draws of Philox4x32-10, which depend on seed and epoch alone. */
static inline void @_shuffle(int32_t *rows, int64_t count, int64_t seed, int64_t epoch) {
  int64_t i;
  if (!rows) return;
  for (i = 0; i < count; i++) rows[i] = (int32_t)i;
  for (i = count; i > 1; i--) {
    uint64_t index = (uint64_t)i - 1, other;
    uint32_t x0 = (uint32_t)(index / 2), x1 = (uint32_t)(uint64_t)epoch, x2 = (uint32_t)((uint64_t)epoch >> 32);
    uint32_t x3 = 0x726f7773u, k0 = (uint32_t)(uint64_t)seed, k1 = (uint32_t)((uint64_t)seed >> 32);
    int32_t swapped;
    int round;
    for (round = 0; round < 10; round++) {
      uint64_t a = (uint64_t)0xd2511f53u * x0, b = (uint64_t)0xcd9e8d57u * x2;
      x0 = (uint32_t)(b >> 32) ^ x1 ^ k0;
      x1 = (uint32_t)b;
      x2 = (uint32_t)(a >> 32) ^ x3 ^ k1;
      x3 = (uint32_t)a;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    /* The high word of 64 bits times i, in halves. */
    other = index % 2 ? ((uint64_t)x3 * (uint64_t)i + ((uint64_t)x2 * (uint64_t)i >> 32)) >> 32
                      : ((uint64_t)x1 * (uint64_t)i + ((uint64_t)x0 * (uint64_t)i >> 32)) >> 32;
    swapped = rows[index];
    rows[index] = rows[other];
    rows[other] = swapped;
  }
}

)";

} // namespace nnc

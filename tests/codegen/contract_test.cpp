// The fast contraction against ir/order.h, bit by bit: layouts of both operands, prologues, epilogues, tails of every
// extent, symbolic rows and sums, blocks, batches, integers; for every width of vectors and several numbers of threads.
#include "codegen/codegen.h"
#include "ir/memory.h"
#include "ir/scratch.h"
#include "ir/text.h"
#include "tests/codegen/schedules.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <cstring>
#include <immintrin.h>
#include <memory>
#include <thread>

using namespace nnc;

namespace {

// One contraction out[b,m,n] = epilogue(sum over k of lhs * rhs), as it is written into a kernel.
struct Case {
  i64 batches = 1, m = 4, k = 8, n = 16;
  bool lhs_by_columns = false, rhs_by_columns = false; // [k][m] and [n][k] instead of [m][k] and [k][n]
  bool lhs_computed = false, rhs_computed = false;     // a prologue: the operand is multiplied by 3
  bool epilogue = false;                               // max(sum + bias[n], 0)
  Order order;
  // 'm' or 'k': this extent is `batch`, and the rows of a batch lie in slots; 'r', 'n': m or n is, and nothing lies in
  // slots
  char symbolic = 0;
  std::string dtype = "f32";

  std::string text() const {
    return fmt::format("{} x {} x {} x {} {}{}{}{}{}{}{} {}", batches, m, k, n, lhs_by_columns ? "T" : "",
                       lhs_computed ? "*" : "", rhs_by_columns ? "T" : "", rhs_computed ? "*" : "", epilogue ? "+" : "",
                       symbolic ? symbolic : ' ', dtype, order.text());
  }
  bool has_batch(char which) const { return symbolic == which || (which == 'm' && symbolic == 'r'); }
  std::string extent(char which, i64 size) const { return has_batch(which) ? "batch" : std::to_string(size); }
  std::string type(std::string const& a, std::string const& b) const {
    return fmt::format("{}[{}{},{}]", dtype, batches > 1 ? std::to_string(batches) + "," : "", a, b);
  }
};

// The function that runs the case. Operands whose rows are a batch are first copied into slots, and so is the result.
std::string function_of(Case const& c, i64 vector_bytes) {
  std::string m = c.extent('m', c.m), k = c.extent('k', c.k), n = c.extent('n', c.n);
  std::string lhs = c.lhs_by_columns ? c.type(k, m) : c.type(m, k),
              rhs = c.rhs_by_columns ? c.type(n, k) : c.type(k, n);
  std::string out = c.type(m, n);
  bool lhs_slot = c.symbolic == 'm' || c.symbolic == 'k', rhs_slot = c.symbolic == 'k', out_slot = c.symbolic == 'm';
  std::string x = lhs_slot ? "%xs" : "%x", w = rhs_slot ? "%ws" : "%w", y = out_slot ? "%ys" : "%y";
  i64 first = c.batches > 1 ? 1 : 0;

  std::string body, kernels;
  auto copy = [&](std::string const& to, std::string const& from, std::string const& type, std::string const& place) {
    kernels +=
        fmt::format("  {0} = kernel {1} {{barrier=true, kind=\"pointwise\", parallel=true, places=[{2}]}} {{\n    "
                    "{0} = add {1}, 0 : {3}\n  }}\n",
                    to, from, place, type);
  };
  if (lhs_slot) copy("%xs", "%x", lhs, "slot(0)");
  if (rhs_slot) copy("%ws", "%w", rhs, "slot(1)");
  std::string a = x, b = w;
  if (c.lhs_computed) body += fmt::format("    %l = mul {}, 3 : {}\n", x, lhs), a = "%l";
  if (c.rhs_computed) body += fmt::format("    %r = mul {}, 3 : {}\n", w, rhs), b = "%r";
  std::string batch = c.batches > 1 ? "batch_lhs=[0], batch_rhs=[0], " : "";
  body += fmt::format("    {} = dot {}, {} {{{}contract_lhs=[{}], contract_rhs=[{}], order={}}} : {}\n",
                      c.epilogue ? "%z" : y, a, b, batch, first + (c.lhs_by_columns ? 0 : 1),
                      first + (c.rhs_by_columns ? 1 : 0), c.order.text(), out);
  if (c.epilogue)
    body +=
        fmt::format("    %0 = broadcast %bias {{axes=[{}]}} : {}\n    %1 = add %z, %0 : {}\n    {} = max 0, %1 : {}\n",
                    first + 1, out, out, y, out);
  kernels += fmt::format("  {} = kernel {}, {}{} {{kind=\"contract\", places=[{}], barrier=true}} {{\n{}  }}\n", y, x,
                         w, c.epilogue ? ", %bias" : "", out_slot ? "slot(2)" : "result(0)", body);
  if (out_slot) copy("%y", "%ys", out, "result(0)");
  i64 row = 4 * std::max({c.m, c.k, c.n});
  return fmt::format("target {{cpu=\"native\", features=\"\", l1=32768, l2=1048576, registers={}, "
                     "triple=\"x86_64-unknown-linux-gnu\", vector_bytes={}}}\n"
                     "func @f(%x: {}, %w: {}, %bias: {}[{}]) -> (y: {}) {{slots=[{}*batch, {}*batch, {}*batch], "
                     "locals=0, threads=64}} {{\n{}  return %y\n}}\n",
                     vector_bytes == 64 ? 32 : 16, vector_bytes, lhs, rhs, c.dtype, n, out, row, row, row, kernels);
}

// Split among threads, however small it is.
Module scheduled(Module m) {
  m = schedules::decided(std::move(m));
  for (auto& n : m.functions[0].body.nodes)
    if (n.kernel) n.kernel->schedule->parallel = true;
  m.functions[0].scratch = scratch_bytes(m.functions[0], *m.target);
  auto const problems = verify(m);
  REQUIRE_MESSAGE(problems.empty(), problems.front().message << "\n" << print(m));
  return m;
}

Module module_of(Case const& c, i64 vector_bytes) {
  auto text = function_of(c, vector_bytes);
  auto parsed = parse_ir("contract.ir", text);
  INFO(text);
  INFO(render(parsed.diagnostics, *parsed.module.sources));
  REQUIRE(parsed.diagnostics.empty());
  auto host = host_target();
  parsed.module.target->cpu = host.cpu;
  parsed.module.target->features = host.features;
  return scheduled(std::move(parsed.module));
}

// f32 and i32 elements as their bits; small integers are exact in both.
using Bits = std::vector<u32>;

Bits random_operand(Case const& c, i64 count, u32 salt) {
  Bits v(static_cast<size_t>(count));
  u32 state = salt * 2654435761U + 12345;
  for (auto& e : v) {
    state = state * 1664525U + 1013904223U;
    if (c.dtype == "i32") {
      e = state;
      continue;
    }
    f32 x = static_cast<f32>(static_cast<i32>(state)) * 0x1p-31F;
    if ((state >> 8 & 63) == 0) x = -0.0F;
    std::memcpy(&e, &x, 4);
  }
  return v;
}

// Evaluates the case with ir/order.h, subnormals flushed as in the kernels.
Bits expected(Case const& c, Bits const& x, Bits const& w, Bits const& bias) {
  auto saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040);
  Bits y(static_cast<size_t>(c.batches * c.m * c.n));
  auto number = [](u32 bits) {
    f32 v;
    std::memcpy(&v, &bits, 4);
    return v;
  };
  for (i64 b = 0; b < c.batches; ++b)
    for (i64 m = 0; m < c.m; ++m)
      for (i64 n = 0; n < c.n; ++n) {
        auto left = [&](i64 k) {
          return x[static_cast<size_t>(b * c.m * c.k + (c.lhs_by_columns ? k * c.m + m : m * c.k + k))];
        };
        auto right = [&](i64 k) {
          return w[static_cast<size_t>(b * c.k * c.n + (c.rhs_by_columns ? n * c.k + k : k * c.n + n))];
        };
        u32& out = y[static_cast<size_t>((b * c.m + m) * c.n + n)];
        if (c.dtype == "i32") {
          u32 sum = 0;
          for (i64 k = 0; k < c.k; ++k)
            sum += left(k) * (c.lhs_computed ? 3U : 1U) * right(k) * (c.rhs_computed ? 3U : 1U);
          if (c.epilogue) sum = static_cast<u32>(std::max(0, static_cast<i32>(sum + bias[static_cast<size_t>(n)])));
          out = sum;
          continue;
        }
        volatile f32 three = 3;
        f32 sum = dot_in_order(
            c.order, std::array{c.k}, [&](i64 k) { return c.lhs_computed ? number(left(k)) * three : number(left(k)); },
            [&](i64 k) { return c.rhs_computed ? number(right(k)) * three : number(right(k)); });
        if (c.epilogue) {
          sum += number(bias[static_cast<size_t>(n)]);
          sum = sum < 0.0F ? 0.0F : sum;
        }
        std::memcpy(&out, &sum, 4);
      }
  _mm_setcsr(saved);
  return y;
}

void wait(nnc_context*, i32) { std::this_thread::yield(); }
void wake(nnc_context*) {}

// Memory that ends with the page: what is read or written behind an operand would be seen by the sanitizer's heap.
struct Runner {
  explicit Runner(Module const& m) : function(m.functions[0]), loaded(load(compile(m))) {}

  Bits run(Case const& c, Bits x, Bits w, Bits bias, int threads) {
    Bits y(static_cast<size_t>(c.batches * c.m * c.n), 0x7fc12345);
    i64 batch = c.has_batch('m') ? c.m : c.has_batch('k') ? c.k : c.has_batch('n') ? c.n : 1;
    auto const size = static_cast<size_t>(arena_bytes(function, batch, threads).value()) + 64;
    std::unique_ptr<char[]> memory(new char[size]);
    std::memset(memory.get(), 0xff, size); // NaN everywhere
    void* arguments[] = {x.data(), w.data(), bias.data()};
    void* results[] = {y.data()};
    nnc_report report{};
    nnc_barrier barrier{};
    nnc_context context{.version = NNC_ABI_VERSION, .threads = threads, .arguments = arguments, .results = results};
    context.arena = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(memory.get()) + 63) / 64 * 64);
    context.batch = batch;
    context.report = &report;
    context.barrier = &barrier;
    context.wait = wait;
    context.wake = wake;
    auto entry = loaded->entry("f");
    REQUIRE((entry != nullptr));
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t) team.emplace_back([&, t] { entry(&context, t, 1, 1); });
    entry(&context, 0, 1, 1);
    for (auto& t : team) t.join();
    return y;
  }
  Function function;
  std::unique_ptr<Loaded> loaded;
};

// `seed`: with a schedule drawn by it; 0: with that which the pass decides. Says in how many fields it was another one.
int check(Case const& c, u32 seed = 0) {
  int drawn = 0;
  INFO(c.text() << ", seed " << seed);
  auto x = random_operand(c, c.batches * c.m * c.k, 1), w = random_operand(c, c.batches * c.k * c.n, 2),
       bias = random_operand(c, c.n, 3);
  auto want = expected(c, x, w, bias);
  for (i64 vector_bytes : {16, 32, 64}) {
    auto m = module_of(c, vector_bytes);
    if (seed) drawn += schedules::Draw(m, seed).run();
    INFO(print(m));
    Runner runner(m);
    for (int threads : {1, 2, 5}) {
      auto got = runner.run(c, x, w, bias, threads);
      size_t wrong = 0;
      while (wrong < want.size() && got[wrong] == want[wrong]) ++wrong;
      INFO("vectors of " << vector_bytes << " bytes, " << threads << " threads, first difference at " << wrong << " of "
                         << want.size());
      REQUIRE(wrong == want.size());
    }
  }
  return drawn;
}

Order blocks(i64 n) { return {Order::Kind::chain, n}; }

} // namespace

TEST_CASE("every layout of the operands, with and without prologue and epilogue") {
  for (int bits = 0; bits < 32; ++bits)
    check({.m = 12,
           .k = 19,
           .n = 40,
           .lhs_by_columns = (bits & 1) != 0,
           .rhs_by_columns = (bits & 2) != 0,
           .lhs_computed = (bits & 4) != 0,
           .rhs_computed = (bits & 8) != 0,
           .epilogue = (bits & 16) != 0});
}

TEST_CASE("tails of rows, columns and sums") {
  for (i64 m : {1, 2, 3, 5, 7, 9, 16, 33})
    for (i64 n : {1, 3, 8, 10, 17, 31, 56, 100})
      check({.m = m, .k = 1 + m % 4 + n % 7, .n = n, .rhs_by_columns = n % 2 == 1, .epilogue = n > 16});
  for (i64 m : {3, 5, 6, 7}) check({.m = m, .k = 9, .n = 3, .lhs_by_columns = true, .lhs_computed = true});
  for (i64 k : {1, 2, 3, 7, 8, 9, 63, 300}) check({.m = 6, .k = k, .n = 24, .rhs_by_columns = k % 2 == 1});
}

TEST_CASE("rows of a batch that is known at run time") {
  for (i64 m : {1, 3, 16, 37}) {
    check({.m = m, .k = 20, .n = 24, .epilogue = true, .symbolic = 'm'});
    check({.m = m, .k = 20, .n = 10, .rhs_by_columns = true, .lhs_computed = true, .symbolic = 'm'});
    check({.m = m, .k = 20, .n = 70, .rhs_computed = true, .symbolic = 'm'});
    check({.m = m, .k = 20, .n = 70, .rhs_by_columns = true, .epilogue = true, .symbolic = 'r'});
    check({.m = m, .k = 20, .n = 5, .lhs_computed = true, .symbolic = 'r'});
  }
}

TEST_CASE("sums over a batch that is known at run time, in blocks and in one chain") {
  for (i64 k : {1, 5, 32, 255, 256, 257, 300, 512, 1100, 1281, 3000}) {
    check({.m = 20, .k = k, .n = 24, .lhs_by_columns = true, .epilogue = true, .order = blocks(256), .symbolic = 'k'});
    check(
        {.m = 9, .k = k, .n = 10, .lhs_by_columns = true, .rhs_computed = true, .order = blocks(16), .symbolic = 'k'});
    check({.m = 9, .k = k, .n = 40, .lhs_by_columns = true, .order = {}, .symbolic = 'k'});
    check({.m = 21,
           .k = k,
           .n = 40,
           .lhs_by_columns = true,
           .lhs_computed = true,
           .order = blocks(256),
           .symbolic = 'k'});
  }
}

TEST_CASE("long sums: chunks of k, with and without blocks") {
  check({.m = 7, .k = 2500, .n = 24, .order = {}});
  check({.m = 20, .k = 2500, .n = 30, .rhs_by_columns = true, .rhs_computed = true, .order = {}});
  check({.m = 20, .k = 4500, .n = 30, .lhs_computed = true, .order = blocks(256)});
  check({.m = 12, .k = 512, .n = 30, .rhs_by_columns = true, .order = blocks(256)});
  check({.m = 12, .k = 200, .n = 30, .lhs_by_columns = true, .lhs_computed = true, .order = blocks(256)});
  check({.m = 12, .k = 700, .n = 30, .lhs_by_columns = true, .lhs_computed = true, .order = blocks(300)});
}

TEST_CASE("a sum that is too long for a packed left side to hold all of it") {
  for (bool by_columns : {false, true})
    check({.m = 19, .k = 33000, .n = 40, .lhs_by_columns = by_columns, .lhs_computed = true, .order = blocks(256)});
  check({.m = 3, .k = 33000, .n = 10, .lhs_computed = true, .order = {}});
}

TEST_CASE("more rows than have room for the totals of long sums") {
  for (bool computed : {false, true}) {
    check({.m = 530,
           .k = 2817,
           .n = 26,
           .lhs_by_columns = true,
           .lhs_computed = computed,
           .order = blocks(256),
           .symbolic = 'k'});
    check({.m = 1090, .k = 2817, .n = 26, .lhs_computed = computed, .order = blocks(256)});
    check({.m = 1090, .k = 2100, .n = 26, .lhs_computed = computed, .order = {}});
  }
}

TEST_CASE("many rows of a packed left side") {
  check({.m = 1100, .k = 130, .n = 24, .lhs_computed = true});
  check({.m = 1100, .k = 130, .n = 24, .lhs_by_columns = true, .lhs_computed = true});
}

TEST_CASE("narrow results without axes in the epilogue are walked as one axis") {
  for (i64 n : {2, 5, 10, 12, 20, 22})
    for (i64 m : {8, 64}) {
      check({.m = m, .k = 11, .n = n});
      check({.m = m, .k = 37, .n = n, .lhs_by_columns = true, .order = blocks(16), .symbolic = 'k'});
    }
}

TEST_CASE("few columns, lanes along the sum") {
  Order lanes{Order::Kind::lanes, 0}, lane_blocks{Order::Kind::lanes, 48};
  for (i64 n : {1, 2, 3, 4})
    for (i64 k : {1, 15, 16, 40, 100, 304}) {
      check({.m = 8,
             .k = k,
             .n = n,
             .lhs_by_columns = k == 40,
             .rhs_by_columns = n % 2 == 0,
             .epilogue = true,
             .order = lanes});
      check({.m = 7, .k = k, .n = n, .lhs_computed = true, .rhs_computed = n == 3, .order = lane_blocks});
      check({.m = 21, .k = k, .n = n, .epilogue = true, .order = lanes, .symbolic = 'm'});
    }
  check({.batches = 3, .m = 5, .k = 33, .n = 2, .order = lanes});
}

TEST_CASE("batches and integers") {
  for (bool columns : {false, true}) {
    check({.batches = 3,
           .m = 6,
           .k = 9,
           .n = 20,
           .lhs_by_columns = columns,
           .rhs_by_columns = columns,
           .epilogue = true});
    check({.batches = 5, .m = 6, .k = 9, .n = 33, .lhs_computed = columns, .rhs_computed = true});
    check({.m = 13,
           .k = 50,
           .n = 26,
           .lhs_by_columns = columns,
           .rhs_by_columns = columns,
           .epilogue = columns,
           .dtype = "i32"});
  }
}

namespace {

// Operands of any rank: each axis is of the batch, free or summed, in any order of axes.
struct AnyAxes {
  std::vector<i64> lhs, rhs;                                         // shapes
  std::vector<i64> batch_lhs, batch_rhs, contract_lhs, contract_rhs; // axes
  std::vector<i64> free_lhs, free_rhs;

  static std::vector<i64> strides(std::vector<i64> const& shape) {
    std::vector<i64> s(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;) s[i - 1] = s[i] * shape[i];
    return s;
  }
  static i64 count(std::vector<i64> const& shape, std::vector<i64> const& axes) {
    i64 n = 1;
    for (i64 a : axes) n *= shape[static_cast<size_t>(a)];
    return n;
  }
  // Where the element with this number, counted over `axes`, stands.
  static i64 offset(std::vector<i64> const& shape, std::vector<i64> const& axes, i64 number) {
    i64 sum = 0;
    auto s = strides(shape);
    for (size_t i = axes.size(); i-- > 0;) {
      auto a = static_cast<size_t>(axes[i]);
      sum += number % shape[a] * s[a];
      number /= shape[a];
    }
    return sum;
  }
};

struct Draw {
  u32 state;
  i64 operator()(i64 from, i64 to) {
    state = state * 1664525U + 1013904223U;
    return from + (state >> 8) % (to - from + 1);
  }
};

AnyAxes any_axes(Draw& draw) {
  AnyAxes c;
  struct Kind {
    char what;
    i64 extent, number;
  };
  std::vector<Kind> left, right;
  auto add = [&](char what, i64 most, i64 largest, bool l, bool r) {
    for (i64 i = 0, n = draw(what == 'k' || what == 'n' ? 1 : 0, most); i < n; ++i) {
      Kind kind{what, draw(1, largest), i};
      if (l) left.push_back(kind);
      if (r) right.push_back(kind);
    }
  };
  add('b', 1, 3, true, true);
  add('m', 2, 9, true, false);
  add('n', 2, 13, false, true);
  add('k', 2, 12, true, true);
  auto shuffle = [&](std::vector<Kind>& list) {
    for (size_t i = list.size(); i > 1; --i)
      std::swap(list[i - 1], list[static_cast<size_t>(draw(0, static_cast<i64>(i) - 1))]);
  };
  shuffle(left), shuffle(right);
  auto place = [](std::vector<Kind> const& list, std::vector<i64>& shape, std::vector<i64>& batch,
                  std::vector<i64>& free, std::vector<i64>& contract) {
    contract.resize(
        static_cast<size_t>(std::count_if(list.begin(), list.end(), [](auto& k) { return k.what == 'k'; })));
    for (auto const& k : list) {
      auto axis = static_cast<i64>(shape.size());
      shape.push_back(k.extent);
      if (k.what == 'b') batch.push_back(axis);
      else if (k.what == 'k') contract[static_cast<size_t>(k.number)] = axis;
      else free.push_back(axis);
    }
  };
  place(left, c.lhs, c.batch_lhs, c.free_lhs, c.contract_lhs);
  place(right, c.rhs, c.batch_rhs, c.free_rhs, c.contract_rhs);
  return c;
}

} // namespace

TEST_CASE("any axes in any order") {
  Draw draw{7};
  for (int round = 0; round < 60; ++round) {
    auto c = any_axes(draw);
    bool computed = draw(0, 1) == 1;
    i64 batches = AnyAxes::count(c.lhs, c.batch_lhs), rows = AnyAxes::count(c.lhs, c.free_lhs);
    i64 columns = AnyAxes::count(c.rhs, c.free_rhs), depth = AnyAxes::count(c.lhs, c.contract_lhs);
    std::vector<i64> out;
    for (i64 a : c.batch_lhs) out.push_back(c.lhs[static_cast<size_t>(a)]);
    for (i64 a : c.free_lhs) out.push_back(c.lhs[static_cast<size_t>(a)]);
    for (i64 a : c.free_rhs) out.push_back(c.rhs[static_cast<size_t>(a)]);
    Order order{columns <= 4 && draw(0, 1) ? Order::Kind::lanes : Order::Kind::chain, draw(0, 1) ? draw(1, 5) : 0};
    if (order.block) order.axis = draw(0, static_cast<i64>(c.contract_lhs.size()) - 1);
    std::vector<i64> summed;
    for (i64 a : c.contract_lhs) summed.push_back(c.lhs[static_cast<size_t>(a)]);
    auto type = [](std::vector<i64> const& shape) { return fmt::format("f32[{}]", fmt::join(shape, ",")); };
    auto list = [](std::vector<i64> const& axes) { return fmt::format("[{}]", fmt::join(axes, ", ")); };
    std::string body =
        computed ? fmt::format("    %l = mul %x, 3 : {0}\n    %r = mul %w, 3 : {1}\n", type(c.lhs), type(c.rhs)) : "";
    body += fmt::format(
        "    %y = dot {}, {} {{batch_lhs={}, batch_rhs={}, contract_lhs={}, contract_rhs={}, order={}}} : {}\n",
        computed ? "%l" : "%x", computed ? "%r" : "%w", list(c.batch_lhs), list(c.batch_rhs), list(c.contract_lhs),
        list(c.contract_rhs), order.text(), type(out));
    std::string text =
        fmt::format("func @f(%x: {}, %w: {}) -> (y: {}) {{slots=[], locals=0, threads=64}} {{\n  %y = kernel %x, %w "
                    "{{kind=\"contract\", places=[result(0)]}} {{\n{}  }}\n  return %y\n}}\n",
                    type(c.lhs), type(c.rhs), type(out), body);
    INFO(text);
    auto parsed = parse_ir("any.ir", text);
    INFO(render(parsed.diagnostics, *parsed.module.sources));
    REQUIRE(parsed.diagnostics.empty());
    parsed.module.target = host_target();
    // The runner makes room for a result of one row and so many columns.
    Case size{.m = batches * rows, .k = 1, .n = columns};
    auto x = random_operand(size, batches * rows * depth, 1), w = random_operand(size, batches * columns * depth, 2);
    auto number = [&](Bits const& bits, i64 at) {
      f32 v;
      std::memcpy(&v, &bits[static_cast<size_t>(at)], 4);
      return computed ? v * 3 : v;
    };
    auto m = scheduled(std::move(parsed.module));
    if (round % 2) (void)schedules::Draw(m, static_cast<u32>(round)).run();
    INFO(print(m));
    Runner runner(m);
    for (int threads : {1, 3}) {
      auto got = runner.run(size, x, w, {}, threads);
      for (i64 b = 0; b < batches; ++b)
        for (i64 m = 0; m < rows; ++m)
          for (i64 n = 0; n < columns; ++n) {
            i64 left = AnyAxes::offset(c.lhs, c.batch_lhs, b) + AnyAxes::offset(c.lhs, c.free_lhs, m);
            i64 right = AnyAxes::offset(c.rhs, c.batch_rhs, b) + AnyAxes::offset(c.rhs, c.free_rhs, n);
            f32 want = dot_in_order(
                order, summed, [&](i64 k) { return number(x, left + AnyAxes::offset(c.lhs, c.contract_lhs, k)); },
                [&](i64 k) { return number(w, right + AnyAxes::offset(c.rhs, c.contract_rhs, k)); });
            u32 bits;
            std::memcpy(&bits, &want, 4);
            REQUIRE(got[static_cast<size_t>((b * rows + m) * columns + n)] == bits);
          }
    }
  }
}

TEST_CASE("columns that the program does not know") {
  for (i64 n : {1, 2, 5, 15, 16, 17, 31, 32, 33, 48, 49, 100})
    for (int bits = 0; bits < 8; ++bits)
      check({.batches = bits == 7 ? 2 : 1,
             .m = n % 3 ? 9 : 40,
             .k = n % 2 ? 33 : 300,
             .n = n,
             .lhs_by_columns = (bits & 1) != 0,
             .rhs_by_columns = (bits & 2) != 0,
             .lhs_computed = n % 5 == 0,
             .rhs_computed = (bits & 4) != 0,
             .epilogue = bits % 3 == 0,
             .order = bits % 4 == 1 ? blocks(16) : Order{},
             .symbolic = 'n'});
}

TEST_CASE("a schedule changes no bit") {
  u32 seed = 1;
  int drawn = 0;
  for (int bits = 0; bits < 16; ++bits)
    for (char symbolic : {char{0}, 'm', 'r', 'k', 'n'}) {
      bool const rows_known = symbolic == 0 || symbolic == 'k' || symbolic == 'n';
      drawn += check({.batches = symbolic == 0 && bits % 3 == 0 ? 2 : 1,
                      .m = bits % 5 == 0 ? 5 : 37,
                      .k = bits % 2 ? 33 : 300,
                      .n = bits % 3 == 1 ? 48 : 75,
                      .lhs_by_columns = symbolic == 'k' || (rows_known && (bits & 1) != 0),
                      .rhs_by_columns = symbolic != 'k' && (bits & 2) != 0,
                      .lhs_computed = (bits & 4) != 0,
                      .rhs_computed = (bits & 8) != 0,
                      .epilogue = bits % 3 == 0,
                      .order = bits % 4 == 1 ? blocks(16) : Order{},
                      .symbolic = symbolic},
                     seed++);
    }
  CHECK(drawn > 200);
}

TEST_CASE("a schedule changes no bit of a product of few columns") {
  int drawn = 0;
  for (u32 seed = 1; seed <= 12; ++seed)
    drawn += check({.m = seed % 2 ? 18 : 16, .k = 40 + seed, .n = 1 + seed % 4, .order = {Order::Kind::lanes}}, seed);
  CHECK(drawn > 12);
}

// Whole programs: training steps with the same bits on every team and width, what the host is told, and what the object
// looks like from outside.
#include "frontend/frontend.h"
#include "ir/text.h"
#include "tests/codegen/host.h"
#include "tests/codegen/symbols.h"
#include "tests/props/samples.h"

#include <algorithm>
#include <cmath>

using namespace nnc;

namespace {

constexpr char const* small_model = R"(model small {
  input  x: f32[batch, 9]
  target label: i32[batch]
  h      = x |> dense(20) |> gelu |> dropout(0.3)
  logits = h |> dense(5)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train small {
  minimize loss with adam(lr = 1e-2)
  batch  = 12
  epochs = 1
}
)";

Module elaborated(std::string const& text) {
  auto sources = std::make_shared<Sources>();
  auto file = sources->add("small.nn", text);
  auto e = elaborate(sources, file);
  REQUIRE_MESSAGE(!has_errors(e.diagnostics), render(e.diagnostics, *sources));
  return e.module;
}

// Tensors for a function: 30 examples, 12 rows at a time.
std::vector<Tensor> inputs_of(Module const& m, Function const& f, i64 labels = 5) {
  Bindings b;
  b[static_cast<size_t>(Symbol::batch)] = 12;
  b[static_cast<size_t>(Symbol::examples)] = 30;
  std::vector<Tensor> all;
  props::Draw draw(5);
  for (auto const& a : f.arguments) {
    Type t = f.type(a.value);
    for (auto& d : t.shape) d = d.bind(b);
    i64 high = a.role == Role::rows ? 29 : labels - 1;
    bool setting = a.role == Role::scalar || a.role == Role::optimizer;
    Tensor x = props::draw_tensor(draw, t, setting ? 0.01 : -1, setting ? 0.9 : 1, 0, high);
    if (a.role == Role::scalar && m.training)
      for (auto const& s : m.training->scalars)
        if (s.name == f.values[a.value].name) x.f[0] = s.value;
    all.push_back(x);
  }
  return all;
}

Function const& step_of(Module const& m) {
  auto const* f = m.function("train_step");
  REQUIRE(f);
  return *f;
}

} // namespace

TEST_CASE("a training step gives the same bits on every team and every width, compiled and interpreted") {
  Module plain = elaborated(small_model);
  std::vector<host::Bytes> first;
  for (i64 width : {16, 32, 64}) {
    Module m = host::finished(plain, host::with_vectors(width));
    auto loaded = load(compile(m));
    auto const& f = step_of(m);
    auto inputs = inputs_of(m, f);
    for (int threads : {1, 2, 3, 8}) {
      auto ran = host::Call(m, f, inputs, 12, threads).compiled(loaded->entry("train_step"), 3, 1);
      CHECK(std::isfinite(ran.last[0]));
      CHECK(ran.report.steps == 1);
      CHECK(ran.report.examples == 12);
      ran.results[0].clear(), ran.results[1].clear(); // what is reported needs no memory of its own
      if (first.empty()) first = ran.results;
      CHECK(ran.results == first);
    }
    auto ran = host::Call(m, f, inputs, 12, 2).interpreted(*m.target, 3);
    ran.results[0].clear(), ran.results[1].clear();
    CHECK(ran.results == first);
  }
}

TEST_CASE("a training step agrees with the evaluator") {
  Module m = host::finished(elaborated(small_model), host_target());
  auto const& f = step_of(m);
  auto inputs = inputs_of(m, f);
  auto want = evaluate(m, f, inputs);
  auto loaded = load(compile(m));
  auto got = host::Call(m, f, inputs, 12, 2).compiled(loaded->entry("train_step"), inputs.back().i[0], 1);
  // The step is drawn as an input as well; the evaluator takes that one.
  for (size_t i = 0; i < f.arguments.size(); ++i)
    if (f.arguments[i].role == Role::step)
      got = host::Call(m, f, inputs, 12, 2).compiled(loaded->entry("train_step"), inputs[i].i[0], 1);
  CHECK(got.last[0] == doctest::Approx(want[0].f[0]).epsilon(1e-5));
  for (size_t r = 2; r < f.results.size(); ++r) {
    Tensor t = host::unpacked(want[r].dtype, want[r].shape, got.results[r].data());
    // Sums of f32 next to sums of f64, through two layers: a few parts in 10^5 of what is about 1.
    for (size_t k = 0; k < t.f.size(); ++k) CHECK(t.f[k] == doctest::Approx(want[r].f[k]).epsilon(1e-4));
  }
}

TEST_CASE("indices that were clamped are counted") {
  Module m = host::finished(elaborated(small_model), host_target());
  auto const& f = *m.function("evaluate");
  auto loaded = load(compile(m));
  auto good = host::Call(m, f, inputs_of(m, f), 12, 2).compiled(loaded->entry("evaluate"));
  CHECK(good.report.clamped == 0);
  auto bad = host::Call(m, f, inputs_of(m, f, 500), 12, 2).compiled(loaded->entry("evaluate"));
  CHECK(bad.report.clamped > 0);
}

// Each thread looks at all indices, and adds to the rows that it owns: the owner of the first row counts.
TEST_CASE("what a scatter clamps is counted once, whoever owns the rows") {
  auto parsed = parse_ir("scatter.ir", R"(
func @f(%t: f32[1000,64], %i: i32[5], %u: f32[5,64]) -> (y: f32[1000,64]) {
  %y = scatter_add %t, %i, %u {axis=0} : f32[1000,64]
  return %y
}
)");
  REQUIRE(parsed.diagnostics.empty());
  Module const m = host::finished(std::move(parsed.module), host_target());
  auto const& f = *m.function("f");
  REQUIRE(std::any_of(f.body.nodes.begin(), f.body.nodes.end(),
                      [](Node const& n) { return is_kernel(n, KernelKind::scatter) && n.kernel->schedule->parallel; }));
  auto loaded = load(compile(m));
  Tensor indices = Tensor::zeros(DType::i32, {5});
  indices.i = {-1, 3, 999, 1000, 5000};
  for (int threads : {1, 2, 3})
    CHECK(host::Call(m, f, {Tensor::zeros(DType::f32, {1000, 64}), indices, Tensor::zeros(DType::f32, {5, 64})}, 1,
                     threads)
              .compiled(loaded->entry("f"))
              .report.clamped == 3);
}

TEST_CASE("a loss that is not finite is reported with its step and ends the call if that is asked for") {
  Module m = host::finished(elaborated(small_model), host_target());
  auto const& f = step_of(m);
  auto inputs = inputs_of(m, f);
  for (auto& t : inputs)
    if (t.dtype == DType::f32 && t.shape == std::vector<i64>{30, 9}) t.f.assign(t.f.size(), NAN);
  auto loaded = load(compile(m));
  for (int threads : {1, 2}) {
    host::Call stops(m, f, inputs, 4, threads);
    stops.context.stop_on_bad = 1;
    auto ran = stops.compiled(loaded->entry("train_step"), 7, 1);
    CHECK(ran.report.first_bad_step == 7);
    CHECK(ran.report.steps == 1);
  }
}

TEST_CASE("a call leaves the floating-point mode as it was") {
  Module m = host::finished(elaborated(small_model), host_target());
  auto const& f = *m.function("run");
  auto loaded = load(compile(m));
  unsigned before = _mm_getcsr();
  host::Call(m, f, inputs_of(m, f), 12, 1).compiled(loaded->entry("run"));
  CHECK((_mm_getcsr() & ~0x3FU) == (before & ~0x3FU)); // the low bits are flags of what has happened
}

TEST_CASE("a call takes nothing of the floating-point mode that it finds") {
  Module m = host::finished(elaborated(small_model), host_target());
  auto const& f = *m.function("run");
  auto loaded = load(compile(m));
  constexpr unsigned traps = 0x1F80, up = 0x4000, down = 0x2000;
  unsigned const before = _mm_getcsr();
  auto in_mode = [&](unsigned mode) {
    host::Call call(m, f, inputs_of(m, f), 12, 1);
    _mm_setcsr(mode);
    auto const ran = call.compiled(loaded->entry("run"));
    unsigned const after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK(after == mode);
    return ran.results;
  };
  auto const expected = in_mode(traps);
  CHECK(in_mode(traps | up) == expected);
  CHECK(in_mode(traps | down) == expected);
  CHECK(in_mode(0) == expected); // every exception traps
}

TEST_CASE("the object needs nothing from outside and is the same however many threads make it") {
  Module m = host::finished(elaborated(small_model), target_for("x86-64-v3"));
  Object one = compile(m, {.threads = 1}), two = compile(m, {.threads = 2});
  CHECK(one.parts.size() == 2);
  CHECK(one.parts == two.parts);
  auto const file = symbols(compile(m, {.parts = 1}));
  CHECK(file.undefined.empty());
  CHECK(file.global == std::vector<std::string>{"nnc_arena_evaluate", "nnc_arena_initialize", "nnc_arena_run",
                                                "nnc_arena_train_step", "nnc_call_evaluate", "nnc_call_initialize",
                                                "nnc_call_run", "nnc_call_train_step"});
  CHECK(one.entries == std::vector<std::string>{"train_step", "evaluate", "run", "initialize"});
}

TEST_CASE("layers of one shape and the forward pass of several functions are compiled once") {
  Module m = host::finished(elaborated(R"(model deep {
  input  x: f32[batch, 8]
  target y: f32[batch, 8]
  h = x |> dense(8) |> tanh |> dense(8) |> tanh |> dense(8) |> tanh |> dense(8)
  output prediction = h
  loss mean_squared_error(h, y)
}
train deep { minimize loss with sgd(lr = 0.1); batch = 12; epochs = 1 }
)"),
                            target_for("x86-64-v3"));
  std::string loops = emit(m, Emit::loops);
  // 1 and 2 are the rows of x and y, 3 to 5 the layers with a tanh.
  CHECK(loops.find("kernel train_step.4 is train_step.3\n") != std::string::npos);
  CHECK(loops.find("kernel evaluate.2 is train_step.3\n") != std::string::npos);
  std::string code = emit(m, Emit::llvm);
  CHECK(code.find("@train_step.3(") != std::string::npos);
  CHECK(code.find("@train_step.4(") == std::string::npos);
}

TEST_CASE("a processor without fused multiply-add, and one that does not exist") {
  Module m = host::finished(elaborated(small_model), target_for("x86-64-v2"));
  CHECK(symbols(compile(m, {.parts = 1})).undefined.empty());
  CHECK_THROWS_WITH_AS(target_for("znver44"), "unknown cpu znver44", Error);
}

// LLVM ends the process for some of these, and makes an object of another kind for others.
TEST_CASE("targets that code cannot be made for are refused, and so are misspelt ones") {
  for (auto const* cpu : {"i386", "pentium4"}) CHECK_THROWS_AS(target_for(cpu), Error);
  for (auto const* triple : {"x86_64-linux-gnux32", "aarch64-linux-gnu_ilp32", "arm64ec-windows-msvc",
                             "x86_64-linux-coff", "x86_64-widnows-msvc", "x86_64-lunix-gnu", "aarch64_be-linux-gnu"})
    CHECK_THROWS_AS_MESSAGE(target_for("", triple), Error, triple);
  for (auto const* triple : {"x86_64", "x86_64-none-elf", "x86_64-alpine-linux-musl", "aarch64-none-elf",
                             "x86_64-pc-windows-msvc", "x86_64-w64-mingw32", "arm64-apple-ios", "x86_64-freebsd"})
    CHECK_NOTHROW_MESSAGE(target_for("", triple), triple);
  Module m = host::finished(elaborated(small_model), target_for("x86-64-v2"));
  m.target->cpu = "i386";
  m.target->features = "";
  CHECK_THROWS_WITH_AS(compile(m), "no code can be made for the processor i386", Error);
}

TEST_CASE("only what every Mac has is taken for granted, and no telephone") {
  Module m = host::finished(elaborated(small_model), target_for("apple-m1", "arm64-apple-macosx"));
  CHECK_NOTHROW(compile(m, {.parts = 1, .file = FileSymbols{}}));
  m.target = target_for("apple-m1", "arm64-apple-ios");
  CHECK_THROWS_AS(compile(m, {.parts = 1, .file = FileSymbols{}}), Error);
}

TEST_CASE("f16 needs no symbols where the processor has no conversions") {
  Module m = host::parsed("func @f(%x: f16[40]) -> (y: f16[40]) {\n  %y = exp %x : f16[40]\n  return %y\n}\n");
  CHECK(symbols(compile(host::finished(m, target_for("x86-64-v2")), {.parts = 1})).undefined.empty());
}

TEST_CASE("a sum in a narrow float that no pass has widened is an error") {
  Module m =
      host::parsed("func @f(%x: bf16[4]) -> (y: bf16[]) {\n  %y = reduce_sum %x {axes=[0]} : bf16[]\n  return %y\n}\n");
  m.target = host_target();
  PassContext context;
  context.target = *m.target;
  PassOptions options;
  options.without = {"widen"};
  CHECK_THROWS_WITH_AS(compile(run_passes(m, options, context)),
                       "a sum in bf16 is not compiled: the pass `widen` makes one in f32 of it", Error);
}

TEST_CASE("rows of a symbolic batch may stand behind one another") {
  Module parsed = host::parsed(R"(func @f(%x: f32[batch,3]) -> (y: f32[2*batch,3]) {
  %n = neg %x : f32[batch,3]
  %e = exp %x : f32[batch,3]
  %c = concat %n, %e {axis=0} : f32[2*batch,3]
  %y = mul %c, %c : f32[2*batch,3]
  return %y
}
)");
  Module m = host::finished(parsed, host_target());
  Tensor x = Tensor::zeros(DType::f32, {5, 3});
  for (size_t k = 0; k < x.f.size(); ++k) x.f[k] = static_cast<f64>(k) / 8;
  parsed.bindings[0] = 5;
  Tensor want = evaluate(parsed, parsed.functions[0], {x})[0];
  for (int threads : {1, 3}) {
    auto ran = host::Call(m, m.functions[0], {x}, 5, threads).compiled(load(compile(m))->entry("f"));
    Tensor got = host::unpacked(want.dtype, want.shape, ran.results[0].data());
    for (size_t k = 0; k < got.f.size(); ++k) CHECK(got.f[k] == doctest::Approx(want.f[k]).epsilon(1e-6));
  }
}

// Where the batch is, strides are numbers of the call: transposes, sums and products over it, at sizes around a vector.
TEST_CASE("the batch may be any axis") {
  Module parsed = host::parsed(
      R"(func @f(%x: f32[batch,3], %t: f32[4,batch]) -> (a: f32[4,batch], b: f32[batch,4], c: f32[batch,batch], d: f32[4], e: f32[2,batch,4], g: f32[4,3]) {
  %e0 = exp %x : f32[batch,3]
  %a = neg %t : f32[4,batch]
  %t1 = tanh %t : f32[4,batch]
  %b = transpose %t1 {permutation=[1, 0]} : f32[batch,4]
  %c = dot %e0, %x {contract_lhs=[1], contract_rhs=[1]} : f32[batch,batch]
  %d = reduce_sum %t1 {axes=[1]} : f32[4]
  %two = broadcast %e0 {axes=[1, 2]} : f32[2,batch,3]
  %w = transpose %e0 {permutation=[1, 0]} : f32[3,batch]
  %g0 = dot %w, %b {contract_lhs=[1], contract_rhs=[0]} : f32[3,4]
  %g = transpose %g0 {permutation=[1, 0]} : f32[4,3]
  %w2 = broadcast %g0 {axes=[1, 2]} : f32[2,3,4]
  %e = dot %two, %w2 {batch_lhs=[0], batch_rhs=[0], contract_lhs=[2], contract_rhs=[1]} : f32[2,batch,4]
  return %a, %b, %c, %d, %e, %g
}
)");
  Module m = host::finished(parsed, host_target());
  auto code = load(compile(m));
  for (i64 batch : {1, 5, 16, 17, 33}) {
    Tensor x = Tensor::zeros(DType::f32, {batch, 3}), t = Tensor::zeros(DType::f32, {4, batch});
    for (size_t k = 0; k < x.f.size(); ++k) x.f[k] = static_cast<f64>(k % 17) / 16 - 0.5;
    for (size_t k = 0; k < t.f.size(); ++k) t.f[k] = static_cast<f64>(k % 13) / 8 - 0.75;
    parsed.bindings[0] = batch;
    auto want = evaluate(parsed, parsed.functions[0], {x, t});
    for (int threads : {1, 3}) {
      auto ran = host::Call(m, m.functions[0], {x, t}, batch, threads).compiled(code->entry("f"));
      for (size_t r = 0; r < want.size(); ++r) {
        CAPTURE(batch);
        CAPTURE(r);
        Tensor got = host::unpacked(want[r].dtype, want[r].shape, ran.results[r].data());
        for (size_t k = 0; k < want[r].f.size(); ++k) CHECK(got.f[k] == doctest::Approx(want[r].f[k]).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("what codegen refuses has a place in the source") {
  Module m = host::parsed("func @f(%x: f32[examples,batch] data, %rows: i32[batch] rows) -> (y: f32[batch,batch]) {\n"
                          "  %y = gather %x, %rows {axis=0} : f32[batch,batch]\n  return %y\n}\n");
  try {
    compile(host::finished(m, host_target()));
    FAIL("compiled");
  } catch (Error const& e) {
    CHECK(std::string(e.what()) == "a column of f32[examples,batch] is not compiled yet");
    CHECK(e.diagnostics.at(0).at.line == 1);
  }
}

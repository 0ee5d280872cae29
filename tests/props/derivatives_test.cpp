// Random programs of the language: the derivative of y by every value x that a program binds is compared with
// differences of y as a function of x. For these the program stands in the same text once more for each x, cut there: x
// is a parameter, everything behind it is computed as before. So a use of x that elaboration or a pass looks through
// shows as a difference. Second derivatives likewise, from the first ones of the cut program; and the same values with
// each pass in front of `order` left out.
// NNC_FUZZ=N in the environment checks N programs instead of a few, NNC_FUZZ_SEED=S begins at S.
#include "frontend/frontend.h"
#include "ir/evaluate.h"
#include "passes/pass.h"
#include "tests/props/fuzz.h"

#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <map>
#include <random>

using namespace nnc;

namespace {

using Extents = std::vector<i64>;

std::string listed(Extents const& shape) {
  std::string out;
  for (i64 e : shape) out += (out.empty() ? "" : ", ") + std::to_string(e);
  return "[" + out + "]";
}

// `expression` calls the values before it $0, $1 ...
struct Statement {
  std::string expression;
  Extents shape;
};

// Functions with derivatives of their own that are the true ones, and one without.
constexpr std::string_view functions = R"(
fn cubed(x: float[..]) { y = x * x * x; return y } gradient (dy) { return dy * 3 * x * x }
fn logistic(x: float[..]) { y = 1 / (1 + exp(-x)); return y } gradient (dy) { return dy * y * (1 - y) }
fn scaled(x: float[..], c: float[]) { return x * c, x + c } gradient (dp, dq) { return dp * c + dq, sum(dp * x + dq) }
fn twice(x: float[..]) { y = f32(x); return x * y }
)";

class Writer {
public:
  explicit Writer(u64 seed) : random_(seed) {}

  std::vector<Statement> run() {
    size_t const count = 3 + below(4);
    add(constant());
    while (statements_.size() < count) add(below(6) == 0 ? constant() : operation());
    return statements_;
  }
  size_t below(size_t n) { return random_() % n; }

private:
  void add(Statement s) { statements_.push_back(std::move(s)); }
  std::string number() { return fmt::format("{:.2f}", 0.3 + 0.01 * static_cast<f64>(below(120))); }
  std::string name(size_t i) const { return "$" + std::to_string(i); }
  Extents const& shape(size_t i) const { return statements_[i].shape; }
  size_t some() { return below(statements_.size()); }

  Statement constant() {
    static Extents const shapes[] = {{}, {3}, {2, 3}, {2, 1}, {1, 3}, {2, 2}};
    Extents const s = shapes[below(std::size(shapes))];
    i64 size = 1;
    for (i64 e : s) size *= e;
    switch (below(4)) {
    case 0: return {fmt::format("full({}, {})", listed(s), number()), s};
    case 1: return {fmt::format("ones({})", listed(s)), s};
    case 2:
      if (s.empty()) return {fmt::format("f32({})", number()), s};
      [[fallthrough]];
    default: return {fmt::format("reshape(sin(f32(iota({})) * 1.7 + {}), {})", size, number(), listed(s)), s};
    }
  }

  Statement operation() {
    size_t const i = some();
    switch (below(7)) {
    case 0: return nothing(i);
    case 1: return elementwise(i);
    case 2: return reduced(i);
    case 3: return moved(i);
    case 4: return derived(i);
    default: return binary(i, some());
    }
  }

  // Operations that change nothing.
  Statement nothing(size_t i) {
    Extents const& s = shape(i);
    auto const x = name(i);
    switch (below(s.size() == 2 ? 9 : s.empty() ? 5 : 7)) {
    case 0: return {fmt::format("f32({})", x), s};
    case 1: return {fmt::format("{} ^ 1", x), s};
    case 2: return {fmt::format("reshape({}, {})", x, listed(s)), s};
    case 3: return {fmt::format("broadcast({}, {})", x, listed(s)), s};
    case 4: return {fmt::format("sum({}, axis = [])", x), s};
    case 5: return {fmt::format("{}[..]", x), s};
    case 6: return {fmt::format("concat({}, axis = 0)", x), s};
    case 7: return {fmt::format("{}[:, :]", x), s};
    default: return {fmt::format("transpose({}, [0, 1])", x), s};
    }
  }

  Statement elementwise(size_t i) {
    static constexpr std::string_view forms[] = {"sin({})",
                                                 "tanh({})",
                                                 "exp({} * 0.3)",
                                                 "sigmoid({})",
                                                 "softplus({})",
                                                 "relu({})",
                                                 "abs({})",
                                                 "sqrt({0} * {0} + 1)",
                                                 "log({0} * {0} + 1)",
                                                 "{} ^ 2",
                                                 "{} ^ 3 / 4",
                                                 "silu({})",
                                                 "gelu({})",
                                                 "leaky_relu({})",
                                                 "cubed({}) * 0.5",
                                                 "logistic({})",
                                                 "twice({})",
                                                 "scaled({}, 0.7)[0]",
                                                 "-{}",
                                                 "2 * {} - 1",
                                                 "1 / ({0} * {0} + 1)",
                                                 "{} - 0",
                                                 "{} * 1",
                                                 "{} / 1",
                                                 "clamp({}, -0.8, 0.9)"};
    return {fmt::format(fmt::runtime(forms[below(std::size(forms))]), name(i)), shape(i)};
  }

  Statement reduced(size_t i) {
    static constexpr std::string_view kinds[] = {"sum", "mean", "max", "min"};
    auto const kind = kinds[below(std::size(kinds))];
    Extents s = shape(i);
    if (s.empty()) return elementwise(i);
    size_t const axis = below(s.size());
    bool const keep = below(3) != 0;
    if (below(5) == 0) return {fmt::format("{}({})", kind, name(i)), {}};
    if (keep) s[axis] = 1;
    else s.erase(s.begin() + static_cast<i64>(axis));
    return {fmt::format("{}({}, axis = {}, keep = {})", kind, name(i), axis, keep), s};
  }

  Statement moved(size_t i) {
    Extents const& s = shape(i);
    if (s.empty()) return {fmt::format("broadcast({}, [2, 1])", name(i)), {2, 1}};
    if (s.size() == 1) {
      if (below(2) == 0) return {fmt::format("{}[none]", name(i)), {1, s[0]}};
      return {fmt::format("{}[0]", name(i)), {}};
    }
    switch (below(6)) {
    case 0: return {fmt::format("transpose({})", name(i)), {s[1], s[0]}};
    case 1: return {fmt::format("{}[:, 0:1]", name(i)), {s[0], 1}};
    case 2: return {fmt::format("{}[0]", name(i)), {s[1]}};
    case 3: return {fmt::format("softmax({})", name(i)), s};
    case 4: return {fmt::format("log_softmax({})", name(i)), s};
    default: return {fmt::format("{0} @ transpose({0})", name(i)), {s[0], s[0]}};
    }
  }

  // A derivative as a value; of a function of x and of what stands before x, so that cutting in between changes
  // nothing.
  Statement derived(size_t i) {
    static constexpr std::string_view forms[] = {"sum(sin({}))", "sum({0} * {0})", "sum({0} * f32({0}))", "sum({})"};
    return {fmt::format("grad({}, {})", fmt::format(fmt::runtime(forms[below(std::size(forms))]), name(i)), name(i)),
            shape(i)};
  }

  Statement binary(size_t i, size_t j) {
    Extents a = shape(i), b = shape(j);
    Extents joined(std::max(a.size(), b.size()), 1);
    for (auto const& s : {a, b})
      for (size_t k = 1; k <= s.size(); ++k) {
        auto& e = joined[joined.size() - k];
        if (e != 1 && s[s.size() - k] != 1 && e != s[s.size() - k]) return elementwise(i);
        e = std::max(e, s[s.size() - k]);
      }
    static constexpr std::string_view forms[] = {"{} + {}",
                                                 "{} * {}",
                                                 "{} - {}",
                                                 "{0} / ({1} * {1} + 1)",
                                                 "maximum({}, {})",
                                                 "minimum({}, {})",
                                                 "select({0} > {1}, {0}, 2 * {1})",
                                                 "{0} * {1} + {1}"};
    return {fmt::format(fmt::runtime(forms[below(std::size(forms))]), name(i), name(j)), joined};
  }

  std::mt19937_64 random_;
  std::vector<Statement> statements_;
};

std::string with_names(std::string_view expression, std::string const& prefix) {
  std::string out;
  for (char c : expression)
    if (c == '$') out += prefix;
    else out += c;
  return out;
}

// y takes in every value, each in a way of its own.
std::string y_of(size_t count, std::string const& prefix) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    auto const x = prefix + std::to_string(i);
    auto const term = i % 3 == 0   ? fmt::format("sum(sin({}))", x)
                      : i % 3 == 1 ? fmt::format("sum({0} * {0}) / 2", x)
                                   : fmt::format("sum(tanh({0}) * {0})", x);
    out += (out.empty() ? "" : " + ") + term;
  }
  return out;
}

// The first derivatives by x and by what is computed behind it, in one number.
std::string z_of(size_t x, size_t count, std::string const& y, std::string const& prefix) {
  std::string out;
  for (size_t i = x; i < std::min(count, x + 2); ++i)
    out += fmt::format("{}sum(grad({}, {}{}) * {})", i == x ? "" : " + ", y, prefix, i, i == x ? "1.5" : "-0.5");
  return out;
}

std::string text_of(std::vector<Statement> const& program) {
  size_t const n = program.size();
  std::string out = std::string(functions) + "model m() {\n";
  for (size_t i = 0; i < n; ++i) out += fmt::format("  v{} = {}\n", i, with_names(program[i].expression, "v"));
  out += fmt::format("  y = {}\n", y_of(n, "v"));
  for (size_t i = 0; i < n; ++i) {
    out += fmt::format("  output value{0} = v{0}\n  output first{0} = grad(y, v{0})\n", i);
    out += fmt::format("  z{0} = {1}\n  output second{0} = grad(z{0}, v{0})\n", i, z_of(i, n, "y", "v"));
  }
  for (size_t x = 0; x < n; ++x) { // cut at x
    auto const prefix = fmt::format("c{}_", x);
    for (size_t i = 0; i < n; ++i)
      if (i == x) out += fmt::format("  param {}{}: f32{} = {}\n", prefix, i, listed(program[i].shape), 0);
      else out += fmt::format("  {}{} = {}\n", prefix, i, with_names(program[i].expression, prefix));
    out += fmt::format("  output cut_y{} = {}\n  output cut_z{} = {}\n", x, y_of(n, prefix), x,
                       z_of(x, n, fmt::format("cut_y{}", x), prefix));
    out += fmt::format("  output cut_first{0} = grad(cut_y{0}, {1}{0})\n", x, prefix);
    out += fmt::format("  output cut_second{0} = grad(cut_z{0}, {1}{0})\n", x, prefix);
  }
  return out + "}\n";
}

Evaluation exactly() {
  Evaluation how;
  how.exact = true;
  return how;
}

Module passed(Module m, std::vector<std::string> const& only) {
  PassContext context;
  return run_passes(std::move(m), {.only = only}, context);
}

using Tensors = std::map<std::string, Tensor>;

Tensors outputs_of(Module const& m, std::vector<Tensor> const& inputs, Evaluation const& how = exactly()) {
  auto const& f = *m.function("run");
  auto results = evaluate(m, f, inputs, how);
  Tensors out;
  for (size_t i = 0; i < results.size(); ++i) out[f.results[i].name] = std::move(results[i]);
  return out;
}

std::vector<Tensor> zeros_for(Function const& f) {
  std::vector<Tensor> out;
  for (auto const& a : f.arguments) {
    Extents shape;
    for (auto const& d : f.type(a.value).shape) shape.push_back(*d.constant());
    out.push_back(Tensor::zeros(f.type(a.value).dtype, shape));
  }
  return out;
}

// One result as a function of one argument: the rest of @run is dropped.
struct Cut {
  Module module;
  size_t argument = 0;
  std::vector<Tensor> inputs;

  Cut(Module const& m, std::string const& result, std::string const& argument_name) : module(m) {
    auto& f = *module.function("run");
    std::erase_if(f.results, [&](Result const& r) { return r.name != result; });
    std::erase_if(module.functions, [](Function const& g) { return g.name != "run"; });
    PassContext context;
    module = pass_named("dce")->run(std::move(module), context).module;
    auto const& left = module.functions.front();
    inputs = zeros_for(left);
    while (left.values[left.arguments[argument].value].name != argument_name) ++argument;
  }
  f64 at(size_t element, f64 x, size_t result_element = 0) {
    auto& e = inputs[argument].f[element];
    f64 const before = std::exchange(e, x);
    f64 const y = evaluate(module, module.functions.front(), inputs, exactly())[0].f[result_element];
    e = before;
    return y;
  }
  f64 slope(size_t element, f64 h) {
    f64 const x = inputs[argument].f[element];
    return (at(element, x + h) - at(element, x - h)) / (2 * h);
  }
};

bool near(f64 a, f64 b, f64 tolerance) { return std::abs(a - b) <= tolerance * (1 + std::abs(a) + std::abs(b)); }

struct Counts {
  i64 compared = 0, skipped = 0, programs = 0;
};

class Checker {
public:
  Checker(std::string text, size_t count, Counts& counts) : text_(std::move(text)), count_(count), counts_(counts) {}

  // What is wrong; empty: nothing.
  std::string complaint() {
    auto sources = std::make_shared<Sources>();
    auto elaborated = elaborate(sources, sources->add("fuzz.nn", text_));
    if (has_errors(elaborated.diagnostics)) return render(elaborated.diagnostics, *sources);
    Module const derived = passed(elaborated.module, {"differentiate"});
    auto const inputs = zeros_for(*derived.function("run"));
    auto const values = outputs_of(derived, inputs);
    for (size_t x = 0; x < count_; ++x)
      for (auto [order, cut] : {std::pair("first", "cut_y"), std::pair("second", "cut_z")}) {
        auto what = against_differences(derived, values, x, order, cut);
        if (!what.empty()) return what;
      }
    return against_passes(elaborated.module, values, outputs_of(derived, inputs, {}), inputs);
  }

private:
  std::string against_differences(Module const& m, Tensors const& values, size_t x, std::string const& order,
                                  std::string const& cut_name) {
    Cut cut(m, fmt::format("{}{}", cut_name, x), fmt::format("c{0}_{0}", x));
    cut.inputs[cut.argument].f = values.at(fmt::format("value{}", x)).f;
    auto const& slopes = values.at(fmt::format("{}{}", order, x));
    for (size_t k = 0; k < slopes.f.size(); ++k) {
      f64 const coarse = cut.slope(k, 2e-5), fine = cut.slope(k, 1e-5), finest = cut.slope(k, 3e-6);
      if (!near(coarse, fine, 1e-5) || !near(fine, finest, 1e-5) || !(std::abs(fine) < 1e4)) {
        ++counts_.skipped; // a kink
        continue;
      }
      // Differences are blind to a kink that they straddle evenly.
      f64 const x0 = cut.inputs[cut.argument].f[k], h = 1e-6, here = cut.at(k, x0);
      f64 const right = (cut.at(k, x0 + h) - here) / h, left = (here - cut.at(k, x0 - h)) / h;
      if (!near(left, right, 3e-5)) {
        ++counts_.skipped;
        continue;
      }
      if (!near(fine, slopes.f[k], 3e-5) && jumps(m, cut, order, x, k, slopes.f[k])) {
        ++counts_.skipped;
        continue;
      }
      ++counts_.compared;
      if (!near(fine, slopes.f[k], 3e-5))
        return fmt::format("the {} derivative by v{}, element {}, is {}, differences give {}", order, x, k, slopes.f[k],
                           fine);
    }
    return "";
  }

  // Where elements are equal a maximum takes the first, and the kinks of two of them may cancel in y. Is the derivative
  // at this point alone another one?
  static bool jumps(Module const& m, Cut const& cut, std::string const& order, size_t x, size_t element, f64 here) {
    Cut derivative(m, fmt::format("cut_{}{}", order, x), fmt::format("c{0}_{0}", x));
    derivative.inputs[derivative.argument] = cut.inputs[cut.argument];
    f64 const x0 = derivative.inputs[derivative.argument].f[element];
    return !near(derivative.at(element, x0 + 1e-5, element), here, 1e-3) ||
           !near(derivative.at(element, x0 - 1e-5, element), here, 1e-3);
  }

  // The passes up to `order`, and these without one of them. `fold` rounds what it computes to f32; how far that may
  // move a value is seen where all nodes are rounded.
  std::string against_passes(Module const& m, Tensors const& values, Tensors const& rounded,
                             std::vector<Tensor> const& inputs) {
    std::vector<std::string> all, optional;
    for (auto const& p : pipeline()) {
      if (p.rounds) break;
      all.emplace_back(p.name);
      if (p.optional && pass_named(p.name) == &p) optional.emplace_back(p.name);
    }
    optional.emplace_back("");
    for (auto const& left_out : optional) {
      auto some = all;
      std::erase(some, left_out);
      auto const now = outputs_of(passed(m, some), inputs);
      for (auto const& [name, t] : values)
        for (size_t k = 0; k < t.f.size(); ++k)
          if (f64 const a = t.f[k], b = now.at(name).f[k], moved = std::abs(rounded.at(name).f[k] - a);
              !near(a, b, 3e-6) && !(std::abs(a - b) <= 4 * moved) && !(std::isnan(a) && std::isnan(b)))
            return fmt::format("{}, element {}, is {} by `differentiate` alone, {} by the passes without '{}'", name, k,
                               a, b, left_out);
    }
    return "";
  }

  std::string text_;
  size_t count_;
  Counts& counts_;
};

} // namespace

TEST_CASE("derivatives by every value of a program agree with differences, whatever passes ran") {
  Counts counts;
  int failures = 0;
  u64 const first = props::first_seed(), programs = props::cases(200);
  for (u64 seed = first; seed < first + programs && failures < 3; ++seed) {
    auto const program = Writer(seed).run();
    ++counts.programs;
    auto const text = text_of(program);
    auto const what = Checker(text, program.size(), counts).complaint();
    if (what.empty()) continue;
    ++failures;
    std::string shown;
    for (size_t i = 0; i < program.size(); ++i)
      shown += fmt::format("  v{} = {}\n", i, with_names(program[i].expression, "v"));
    FAIL_CHECK("seed " << seed << ": " << what << "\n" << shown);
  }
  MESSAGE(counts.programs << " programs, " << counts.compared << " derivatives compared, " << counts.skipped
                          << " near a kink skipped");
  CHECK(counts.skipped * 4 < counts.compared + counts.skipped);
  CHECK(counts.compared > static_cast<i64>(programs) * 10);
}

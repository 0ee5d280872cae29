// Parameters and their paths, optimizers and schedules against formulas written out here, and short trainings with the
// reference evaluator alone.
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/frontend/program.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <numbers>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string model_with(std::string const& body) { return "model m() {\n input x: f32[batch, 8]\n" + body + "\n}\n"; }

std::string paths(std::string const& body, std::string const& functions = "") {
  return Compiled(functions + model_with(body)).kept();
}

// The values that an optimizer gives to one parameter that starts at 1 and always has the same gradient.
std::vector<f64> steps_of(std::string const& optimizer, int steps, std::map<std::string, f64> scalars = {},
                          f64 gradient = 0.5, DType dtype = DType::f32) {
  Compiled program(fmt::format("model m() {{\n input x: f32[batch]\n param w: {}[] = 1\n loss f32(w) * mean(x)\n}}\n"
                               "train m {{ minimize loss with {} }}",
                               name(dtype), optimizer));
  std::map<std::string, Tensor> given{{"p", floats({}, {1}, dtype)}, {"g", floats({}, {gradient}, dtype)}};
  for (auto const& [name, value] : scalars) given[name] = floats({}, {value}, DType::f64);
  std::vector<f64> out;
  for (int step = 1; step <= steps; ++step) {
    given["step"] = ints({}, {step}, DType::i64);
    for (auto& [name, value] : program.run("update.w", given)) given[name] = value;
    out.push_back(given["p"].f[0]);
  }
  return out;
}

void check_near(std::vector<f64> const& got, std::function<f64(int)> const& wanted) {
  for (size_t i = 0; i < got.size(); ++i) {
    f64 expected = wanted(static_cast<int>(i) + 1);
    CHECK_MESSAGE(std::abs(got[i] - expected) < 3e-6 * std::max(1.0, std::abs(expected)),
                  fmt::format("step {}: expected {}, got {}", i + 1, expected, got[i]));
  }
}

// Learning rates, read off a parameter that starts at 0 with the gradient -1 and no memory.
std::vector<f64> rates_of(std::string const& schedule, int steps) {
  auto values = steps_of("sgd(lr = " + schedule + ")", steps, {{"steps", steps}});
  std::vector<f64> out;
  f64 before = 1;
  for (f64 v : values) {
    out.push_back((before - v) / 0.5);
    before = v;
  }
  return out;
}

} // namespace

TEST_CASE("paths are the names of the calls, tags replace them") {
  CHECK(paths("y = x |> dense(4) |> relu |> dense(3) |> dense(2) @head\n loss mean(y)") ==
        "dense.weight: f32[8,4]\ndense.bias: f32[4]\ndense_2.weight: f32[4,3]\ndense_2.bias: f32[3]\nhead.weight: "
        "f32[3,2]\nhead.bias: f32[2]\n");
  std::string block = "fn block(x) { return dense(x, 8, use_bias = false) }\n";
  CHECK(paths("for i in range(3) { x = block(x) }\n loss mean(x)", block) ==
        "block.dense.weight: f32[8,8]\nblock_2.dense.weight: f32[8,8]\nblock_3.dense.weight: f32[8,8]\n");
  CHECK(paths("for i in range(2) { x = block(x) @\"b{i}\" }\n loss mean(x)", block) ==
        "b0.dense.weight: f32[8,8]\nb1.dense.weight: f32[8,8]\n");
  CHECK(paths("for i in range(4) { x = block(x) @block }\n loss mean(x)", block) == "block.dense.weight: f32[8,8]\n");
  CHECK(paths("y = residual(x, fn(h) { h |> dense(8) }) @mix\n loss mean(y)",
              "fn residual(x, f) { return x + f(layer_norm(x)) }\n") ==
        "mix.layer_norm.scale: f32[8]\nmix.layer_norm.shift: f32[8]\nmix.dense.weight: f32[8,8]\nmix.dense.bias: "
        "f32[8]\n");
  CHECK(paths("a = block(x) @e\n b = block(a) @e\n param own: f32[3] = ones()\n loss mean(b) + sum(own)", block) ==
        "e.dense.weight: f32[8,8]\nown: f32[3]\n");
}

TEST_CASE("initial values depend on seed and path alone, and have the right spread") {
  auto spread = [](Compiled const& p, std::string const& name, i64 seed) {
    Tensor t = p.run("initialize", {{"seed", ints({}, {seed}, DType::i64)}}).at(name);
    f64 mean = 0, square = 0, largest = 0;
    for (f64 v : t.f) mean += v, square += v * v, largest = std::max(largest, std::abs(v));
    auto n = static_cast<f64>(t.f.size());
    return std::array{mean / n, square / n, largest, t.f[0]};
  };
  Compiled one(model_with("y = dense(x, 512)\n param n: f32[64, 64] = he_normal()\n param z: f32[3] = 0.25\n loss "
                          "mean(y) + sum(n) + sum(z)"));
  Compiled other(model_with("other = dense(x, 5) @other\n y = dense(x, 512)\n loss mean(y) + mean(other)"));
  auto [mean, square, largest, first] = spread(one, "dense.weight", 7);
  f64 bound = std::sqrt(6.0 / (8 + 512));
  CHECK(std::abs(mean) < 0.005);
  CHECK(std::abs(square - bound * bound / 3) < 0.0005);
  CHECK(largest <= bound);
  CHECK(spread(other, "dense.weight", 7)[3] == first);
  CHECK(spread(one, "dense.weight", 8)[3] != first);
  CHECK(std::abs(spread(one, "n", 7)[1] - 2.0 / 64) < 0.003);
  CHECK(one.run("initialize").at("z").f == std::vector<f64>{0.25, 0.25, 0.25});
}

TEST_CASE("sgd") {
  check_near(steps_of("sgd(lr = 0.1)", 3), [](int t) { return 1 - 0.05 * t; });
  check_near(steps_of("sgd(lr = 0.1, decay = 0.2)", 4), [](int t) { // p <- p - 0.1 * (0.5 + 0.2 p)
    f64 p = 1;
    for (int i = 0; i < t; ++i) p -= 0.1 * (0.5 + 0.2 * p);
    return p;
  });
  auto momentum = [](bool nesterov) {
    return [nesterov](int t) {
      f64 p = 1, v = 0;
      for (int i = 0; i < t; ++i) {
        v = 0.9 * v + 0.5;
        p -= 0.1 * (nesterov ? 0.5 + 0.9 * v : v);
      }
      return p;
    };
  };
  check_near(steps_of("sgd(lr = 0.1, momentum = 0.9)", 5), momentum(false));
  check_near(steps_of("sgd(lr = 0.1, momentum = 0.9, nesterov = true)", 5), momentum(true));
}

TEST_CASE("adam, adamw, rmsprop") {
  auto adam = [](f64 decay) {
    return [decay](int t) {
      f64 p = 1, m = 0, v = 0;
      for (int i = 1; i <= t; ++i) {
        m = 0.9 * m + 0.1 * 0.5, v = 0.999 * v + 0.001 * 0.25;
        p = p - 0.01 * decay * p -
            0.01 * (m / (1 - std::pow(0.9, i))) / (std::sqrt(v / (1 - std::pow(0.999, i))) + 1e-8);
      }
      return p;
    };
  };
  check_near(steps_of("adam(lr = 0.01)", 6), adam(0));
  check_near(steps_of("adamw(lr = 0.01, decay = 0.1)", 6), adam(0.1));
  check_near(steps_of("adam(lr = 0.01, beta1 = 0, beta2 = 0.999)", 3), [](int t) { return 1 - 0.01 * t; });
  check_near(steps_of("rmsprop(lr = 0.01)", 4), [](int t) {
    f64 p = 1, v = 0;
    for (int i = 0; i < t; ++i) v = 0.9 * v + 0.1 * 0.25, p -= 0.01 * 0.5 / (std::sqrt(v) + 1e-8);
    return p;
  });
}

// 1e-8 is 0 in f16 and 0.999 is 1 in bf16: states and updates of narrow parameters are in f32.
TEST_CASE("optimizers of narrow parameters") {
  for (auto const* optimizer : {"sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.1)", "adamw(lr = 0.1, decay = 0)",
                                "rmsprop(lr = 0.1, momentum = 0.9)"})
    for (auto const dtype : {DType::f16, DType::bf16}) {
      CAPTURE(optimizer);
      CHECK(steps_of(optimizer, 3, {}, 0, dtype) == std::vector<f64>{1, 1, 1}); // not 0 / 0
      auto const wide = steps_of(optimizer, 8);
      auto const got = steps_of(optimizer, 8, {}, 0.5, dtype);
      f64 const rounding = dtype == DType::f16 ? 0x1p-11 : 0x1p-8; // of numbers up to 2, once a step
      for (size_t i = 0; i < wide.size(); ++i) {
        f64 const allowed = rounding * static_cast<f64>(i + 1) * std::max(1.0, std::abs(wide[i]));
        CHECK_MESSAGE(std::abs(got[i] - wide[i]) <= allowed, fmt::format("expected {}, got {}", wide[i], got[i]));
      }
      // A gradient of which 0.001 times the square is less than any number of f16: the steps stay as long.
      auto const small = steps_of("adam(lr = 0.1)", 8, {}, 0x1p-13, dtype);
      CHECK(std::abs(small.back() - 0.2) < 0.02);
    }
}

TEST_CASE("schedules") {
  check_near(rates_of("step_decay(0.4, 2, factor = 0.5)", 5), [](int t) { return 0.4 * std::pow(0.5, (t - 1) / 2); });
  check_near(rates_of("cosine(0.4)", 8),
             [](int t) { return 0.4 * (0.5 + 0.5 * std::cos(std::numbers::pi * (t - 1) / 8)); });
  check_near(rates_of("cosine(0.4, warmup = 4)", 8),
             [](int t) { return t <= 4 ? 0.1 * t : 0.4 * (0.5 + 0.5 * std::cos(std::numbers::pi * (t - 5) / 4)); });
  check_near(rates_of("linear(0.4, warmup = 2, end = 0.1)", 6),
             [](int t) { return t <= 2 ? 0.2 * t : 0.4 - 0.3 * (t - 3) / 4; });
  // CosineAnnealingLR(T_max = 4, eta_min = 0.2) and LinearLR(1, 0.1, total_iters = 4) of PyTorch at epochs 0 to 3.
  std::vector<f64> const cosine{1, 0.882842712, 0.6, 0.317157288}, linear{1, 0.775, 0.55, 0.325};
  check_near(rates_of("cosine(1.0, end = 0.2)", 4), [&](int t) { return cosine.at(static_cast<size_t>(t) - 1); });
  check_near(rates_of("linear(1.0, end = 0.1)", 4), [&](int t) { return linear.at(static_cast<size_t>(t) - 1); });
  check_near(rates_of("constant(0.4)", 2), [](int) { return 0.4; });
  check_near(rates_of("0.4 * 0.5 ^ (step // 3) + 0.1 * (step % 3)", 7),
             [](int t) { return 0.4 * std::pow(0.5, t / 3) + 0.1 * (t % 3); });
}

TEST_CASE("numbers that only tune are scalars by their path; those that reach a shape are constants") {
  std::string text =
      "model m(width = 3, rate = 0.5, scale = 2.0) {\n input x: f32[batch, 4]\n"
      " y = x |> dense(width) |> dropout(rate)\n if scale > 1 { y = y * scale }\n loss mean(y)\n}\n"
      "train m(rate = 0.25) { minimize loss with adam(lr = 0.1, beta1 = 0) @main; batch = 4; seed = 9; clip_norm = 2 }";
  Compiled p(text, {.set = {{"main.beta2", "0.5"}, {"epochs", "7"}}, .batch = 16});
  auto const& t = *p.module().training;
  std::string scalars;
  for (auto const& s : t.scalars) scalars += fmt::format("{}={} ", s.name, s.value);
  CHECK(scalars == "clip_norm=2 main.beta1=0 main.beta2=0.5 main.eps=1e-08 main.lr=0.1 rate=0.25 ");
  CHECK(p.result.constants.size() == 1);
  CHECK(p.result.constants.at("scale").by.what == "the condition of `if`");
  CHECK(p.result.constants.at("scale").by.at.line == 4);
  CHECK(t.batch == 16);
  CHECK(t.epochs == 7);
  CHECK(t.seed == 9);
}

TEST_CASE("a linear regression finds its slope, clause by clause") {
  Compiled p("model m() {\n input x: f32[batch, 2]\n target t: f32[batch]\n y = dense(x, 1)[:, 0]\n loss "
             "mean_squared_error(y, t)\n"
             " state seen: f32[] = 0\n seen <- seen + batch\n}\n"
             "train m { minimize loss over \"*.bias\" with sgd(lr = 0.05); minimize loss with sgd(lr = 0.1, momentum = "
             "0.5) }");
  CHECK(p.module().training->phases.at(0).minimize.size() == 2);
  auto values = p.run("initialize", {{"seed", ints({}, {1}, DType::i64)}});
  values["x"] = floats({4, 2}, {0, 1, 1, 0, 1, 1, -1, 0.5});
  values["t"] = floats({4}, {1 - 3, 1 + 2, 1 + 2 - 3, 1 - 2 - 1.5}); // 1 + 2 x0 - 3 x1
  f64 first = 0, last = 0;
  for (int step = 1; step <= 400; ++step) {
    values["step"] = ints({}, {step}, DType::i64);
    auto out = p.run("loss", values, 4);
    last = out.at("loss").f[0];
    if (step == 1) first = last;
    values["seen"] = out.at("seen");
    for (std::string path : {"dense.weight", "dense.bias"}) {
      std::map<std::string, Tensor> given{
          {"p", values[path]}, {"g", out.at("gradient of " + path)}, {"step", values["step"]}};
      if (values.contains("velocity/" + path)) given["velocity"] = values["velocity/" + path];
      auto updated = p.run("update." + path, given);
      values[path] = updated.at("p");
      if (updated.contains("velocity")) values["velocity/" + path] = updated.at("velocity");
    }
  }
  CHECK(first > 1);
  CHECK(last < 1e-4);
  CHECK(std::abs(values["dense.weight"].f[0] - 2) < 0.02);
  CHECK(std::abs(values["dense.weight"].f[1] + 3) < 0.02);
  CHECK(values["seen"].f[0] == 1600);
}

TEST_CASE("a clip over all parameters bounds the length of the gradient and no more") {
  auto gradient = [](std::string const& clip) {
    Compiled p("model m() {\n input x: f32[batch]\n param a: f32[2] = 0\n param b: f32[] = 0\n loss mean(x) * (3 * "
               "a[0] + 4 * b) + sum(a) * 0\n}\n"
               "train m { minimize loss with sgd()" +
               clip + " }");
    auto out = p.run("loss", {{"x", floats({2}, {1, 1})}});
    return std::array{out.at("gradient of a").f[0], out.at("gradient of b").f[0]};
  };
  CHECK(std::abs(gradient("")[0] - 3) < 1e-3);
  CHECK(std::abs(gradient("; clip_norm = 1")[0] - 0.6) < 1e-3);
  CHECK(std::abs(gradient("; clip_norm = 1")[1] - 0.8) < 1e-3);
  CHECK(std::abs(gradient("; clip_norm = 50")[1] - 4) < 1e-3);
  CHECK(std::abs(gradient("; clip_value = 3.5")[1] - 3.5) < 1e-3);
}

TEST_CASE("grad is a value, dropout drops while training only, and states are written") {
  Compiled p(model_with("slope = grad(sum(x ^ 3), x)\n output s = slope[0, 0:2]\n"
                        "d = dropout(x, 0.5)\n metric kept = mean(f32(d > 0))\n loss mean(d * ones([8]))"));
  Tensor x = floats({2, 8}, std::vector<f64>(16, 2.0));
  auto s = p.run("run", {{"x", x}}).at("s");
  CHECK(std::abs(s.f[0] - 12) < 1e-2);
  CHECK(p.run("evaluate", {{"x", x}}).at("kept").f[0] == 1);
  Tensor many = floats({512, 8}, std::vector<f64>(4096, 1.0));
  auto dropped = p.run("loss", {{"x", many}}, 512);
  CHECK(std::abs(dropped.at("kept").f[0] - 0.5) < 0.03);
  CHECK(std::abs(dropped.at("loss").f[0] - 1) < 0.06);
}

TEST_CASE("inputs take the column of their name, else the next one; extents come from the data") {
  Settings settings;
  settings.columns = {{"pixels", {DType::u8, {28, 28}}}, {"label", {DType::i32, {}}}};
  settings.properties["classes"] = 10;
  Compiled p("model m(classes) {\n input image: u8[batch, rows, columns]\n target label: i32[batch]\n"
             " loss cross_entropy(f32(image) |> flatten |> dense(classes), label)\n}",
             settings);
  CHECK(p.result.inputs.at(0).column == "pixels");
  CHECK(p.result.inputs.at(1).column == "label");
  CHECK(p.kept() == "dense.weight: f32[784,10]\ndense.bias: f32[10]\n");
}

TEST_CASE("a module round-trips, keeps its lines, and is the same every time") {
  std::string text =
      model_with("y = dense(x, 3)\n output y\n loss mean(y)") + "train m { minimize loss with adam(); epochs = 2 }";
  Compiled one(text), two(text);
  std::string printed = print(one.module());
  CHECK(printed == print(two.module()));
  auto parsed = parse_ir("again.ir", printed);
  CHECK(parsed.diagnostics.empty());
  CHECK(print(parsed.module) == printed);
  for (auto const& node : one.function("loss").body.nodes) CHECK(one.sources->name(node.at.file) == "test.nn");
}

TEST_CASE("the inventory of a file") {
  Sources sources;
  u32 file =
      sources.add("test.nn", "## digits\nmodel m(width = 3, classes) {\n input image: u8[batch, 28, 28]\n target "
                             "label: i32[batch]\n output p = image\n}\ntrain m @small { minimize loss with sgd() }");
  auto inventory = take_inventory(sources, file);
  REQUIRE(inventory.models.size() == 1);
  auto const& m = inventory.models[0];
  CHECK(m.name == "m");
  CHECK(m.doc == "digits");
  CHECK(m.parameters == std::vector<std::string>{"width", "classes"});
  REQUIRE(m.inputs.size() == 2);
  CHECK(m.inputs[0].dims == std::vector<std::string>{"batch", "28", "28"});
  CHECK(m.inputs[1].is_target);
  CHECK(m.outputs == std::vector<std::string>{"p"});
  CHECK(inventory.trains.at(0).tag == "small");
}

// Of two layers: two products forward, and the gradient of the upper weight alone.
TEST_CASE("what is frozen costs no backward work") {
  auto const products = [](std::string const& frozen) {
    Compiled p("model m() {\n input x: f32[batch, 4]\n loss mean(x |> dense(3) @body |> tanh |> dense(2) @head)\n}\n"
               "train m { " +
               frozen + "minimize loss with sgd() }");
    PassContext context;
    Module module = p.module();
    for (auto const& pass : pipeline()) {
      if (pass.name == "fuse") break;
      module = pass.run(std::move(module), context).module;
    }
    auto const* step = module.function("train_step");
    return std::ranges::count(step->body.nodes, OpCode::dot, &Node::op);
  };
  CHECK(products("") == 5);
  CHECK(products("freeze \"body.*\"; ") == 3);
  CHECK(products("freeze \"head.*\"; ") == 4);
}

TEST_CASE("a phase ends with its brace") {
  Compiled p("model m() {\n input x: f32[batch, 4]\n loss mean(dense(x, 1))\n}\n"
             "train m { phase 2 { minimize loss with sgd() } phase { minimize loss with adam() } batch = 4 }");
  CHECK(p.module().training->phases.size() == 2);
  CHECK(p.module().training->batch == 4);
}

// The setting `accumulate`: a step in parts is the step of one large batch, bit by bit where LANGUAGE.md says so, and
// that of the parts where something crosses rows.
#include "tests/runtime/models.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <map>
#include <random>

using namespace nnc;
using namespace nnc::test;

namespace {

constexpr int width = 48; // numbers of a row

struct Rows {
  std::vector<float> x;
  std::vector<std::int32_t> label;
  explicit Rows(int count) {
    std::mt19937 bits(7);
    for (int i = 0; i < count * width; ++i) x.push_back(static_cast<float>(bits() % 2000) / 1000.0F - 1.0F);
    for (int i = 0; i < count; ++i) label.push_back(static_cast<std::int32_t>(bits() % 3));
  }
  Data data() const { return Data::from_columns({column("x", x, {width}), column("label", label)}, {}, "rows"); }
};

struct Course {
  std::string digest;
  std::map<std::string, std::vector<float>> floats;
  std::vector<Number> reports;
};

Course trained(std::string const& model, std::string const& settings, Rows const& rows, int threads = 1,
               std::int64_t epochs = 2) {
  SessionOptions options;
  options.threads = threads;
  auto const program = Program::from_text(model + "\ntrain net {\n" + settings + "\n}\n");
  Session session(program, options);
  Course out;
  TrainOptions how;
  how.epochs = epochs;
  how.on_epoch = [&](Milestone const& at) { out.reports.assign(at.values.begin(), at.values.end()); };
  session.train(rows.data(), how);
  out.digest = session.digest();
  for (auto const& p : program.parameters()) {
    if (p.dtype != "f32") continue;
    auto const array = session.parameter(p.name);
    auto const view = array.as<float>();
    out.floats[p.name].assign(view.begin(), view.end());
  }
  return out;
}

std::string in_parts(std::string const& block, int batch, int parts) {
  return block + "\nbatch = " + std::to_string(batch) + "\naccumulate = " + std::to_string(parts);
}

std::string const head = R"(
model net() {
  input  x: f32[batch, 48]
  target label: i32[batch]
)";
std::string const tail = R"(
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
)";

struct Net {
  std::string name, model, block;
};

std::vector<Net> const equal_bits{
    {"draws, clipping and an optimizer with states", head + R"(
  h = x |> dense(33) |> relu |> dropout(0.4) |> dense(17) |> tanh |> dropout(0.2)
  logits = dense(h, 3)
)" + tail,
     "minimize loss with adam(lr = 0.01); clip_norm = 0.5"},
    {"images", head + R"(
  h = reshape(x, [batch, 3, 4, 4]) |> conv2d(8, 3) |> relu |> max_pool(2) |> conv2d(5, 2) |> gelu |> flatten
  logits = dense(h, 3)
)" + tail,
     "minimize loss with sgd(lr = 0.1, momentum = 0.9)"},
    {"rows of an embedding", head + R"(
  h = embedding(i32(abs(x) * 10), 11, 4) |> flatten
  logits = dense(h, 3)
)" + tail,
     "minimize loss with adagrad(lr = 0.1)"},
    {"attention, norms of rows", head + R"(
  h = reshape(x, [batch, 8, 6]) |> layer_norm |> multi_head_attention(heads = 2) |> rms_norm |> flatten
  logits = dense(h, 3)
)" + tail,
     "minimize loss with adamw(lr = 0.01)"},
    {"a sum over rows, a penalty of the weights", head + R"(
  param w: f32[48, 3] = glorot_uniform()
  logits = x @ w
  loss   all = sum(log(sum(exp(logits), -1)) - sum(logits * one_hot(label, 3), -1)) + 0.01 * sum(w * w)
  metric accuracy(logits, label)
  metric largest = max(logits)
}
)",
     "minimize all with sgd(lr = 0.001)"},
    {"draws in a scan", head + R"(
  h = x
  scan i in iota(3) carry h { h = 0.5 * h + 0.1 * normal([batch, 48]) }
  logits = dense(h, 3)
)" + tail,
     "minimize loss with sgd(lr = 0.1)"},
    {"numbers of rows, which are those of the step", head + R"(
  t = (f32(iota(batch)) + 0.5) / batch
  logits = dense(concat(x, t[:, none], axis = 1), 3)
)" + tail,
     "minimize loss with sgd(lr = 0.1)"},
    {"numbers of rows that choose elements, which are those of the part", head + R"(
  logits = dense(x, 3)
  each = log(sum(exp(logits), -1)) - reshape(logits, [batch * 3])[iota(batch) * 3 + label]
  loss   mean(each)
}
)",
     "minimize loss with sgd(lr = 0.1)"},
    {"totals, an average, a frozen layer", head + R"(
  h = x |> dense(20) @body |> relu
  logits = dense(h, 3)
  loss   cross_entropy(logits, label)
  metric confusion_matrix(logits, label)
}
)",
     "freeze \"body.*\"; minimize loss with adam(lr = 0.01); average with ema(0.9)"},
};

} // namespace

TEST_CASE("steps in parts have the bits of one large batch") {
  for (auto const& net : equal_bits)
    for (int const all : {64, 256, 1024}) {
      Rows const rows(2 * all);
      auto const whole = trained(net.model, in_parts(net.block, all, 1), rows);
      for (int const parts : {2, 4, 16})
        for (int const threads : {1, 2}) {
          INFO(net.name, ": ", parts, " parts of ", all, " rows, threads: ", threads);
          auto const cut = trained(net.model, in_parts(net.block, all / parts, parts), rows, threads);
          CHECK(cut.digest == whole.digest);
          REQUIRE(cut.reports.size() == whole.reports.size());
          for (size_t i = 0; i < cut.reports.size(); ++i) CHECK(cut.reports[i].value == whole.reports[i].value);
        }
    }
}

namespace {

// What sees its own part alone, or is summed in another order: not the bits, but nearly the numbers; of these blocks do
// not fit into parts.
std::vector<Net> const near{
    {"time", head + R"(
  h = reshape(x, [batch, 6, 8]) |> rows_of_lstm |> flatten |> dropout(0.3)
  logits = dense(h, 3)
)" + tail + "fn rows_of_lstm(x) { y, h, c = lstm(x, 5); y }",
     "minimize loss with sgd(lr = 0.1)"},
    {"blocks of 42 rows", head + R"(
  h = reshape(x, [batch, 6, 8]) |> dense(4) |> tanh |> flatten
  logits = dense(h, 3)
)" + tail,
     "minimize loss with sgd(lr = 0.1)"},
};

double distance(Course const& a, Course const& b) {
  double most = 0;
  for (auto const& [name, values] : a.floats)
    for (size_t i = 0; i < values.size(); ++i)
      most = std::max(most, static_cast<double>(std::fabs(values[i] - b.floats.at(name).at(i))));
  return most;
}

} // namespace

TEST_CASE("sums in another order are nearly those of one large batch, for any number of parts") {
  for (auto const& net : near)
    for (int const parts : {2, 3, 5, 6, 8}) {
      INFO(net.name, ": ", parts, " parts");
      Rows const rows(4 * 120);
      auto const whole = trained(net.model, in_parts(net.block, 120, 1), rows);
      auto const cut = trained(net.model, in_parts(net.block, 120 / parts, parts), rows, 2);
      CHECK(distance(cut, whole) < 2e-6);
      CHECK(cut.digest == trained(net.model, in_parts(net.block, 120 / parts, parts), rows, 1).digest);
    }
}

namespace {

// Of each part alone the same net makes a step from the same weights: the step in parts is the mean of these.
void is_mean_of_parts(std::string const& model, std::vector<std::string> const& states) {
  constexpr int batch = 10, parts = 4;
  std::string const block = "minimize loss with sgd(lr = 0.25)\norder = \"file\"";
  Rows const rows(batch * parts);
  auto const program = Program::from_text(model + "\ntrain net {\n" + in_parts(block, batch, 1) + "\n}\n");
  auto const cut = Program::from_text(model + "\ntrain net {\n" + in_parts(block, batch, parts) + "\n}\n");
  auto const floats = [](Session const& session, std::string const& name) {
    auto const array = session.parameter(name);
    auto const view = array.as<float>();
    return std::vector<float>(view.begin(), view.end());
  };
  auto const input = [&](int part) {
    std::vector<float> const x(rows.x.begin() + part * batch * width, rows.x.begin() + (part + 1) * batch * width);
    std::vector<std::int32_t> const label(rows.label.begin() + part * batch, rows.label.begin() + (part + 1) * batch);
    return std::pair(x, label);
  };
  Session stepped(cut), at_rest(program);
  at_rest.set_scalar("sgd.lr", 0);
  std::map<std::string, std::vector<double>> expected;
  double loss = 0;
  for (int part = 0; part < parts; ++part) {
    auto const [x, label] = input(part);
    Session session(program);
    auto const reports = session.step({{"x", x}, {"label", label}}, batch);
    loss += value_of(reports.values, "loss") / parts;
    at_rest.step({{"x", x}, {"label", label}}, batch);
    for (auto const& p : program.parameters()) {
      auto const after = floats(session, p.name);
      expected[p.name].resize(after.size());
      for (size_t i = 0; i < after.size(); ++i) expected[p.name][i] += static_cast<double>(after[i]) / parts;
    }
  }
  auto const reports = stepped.step({{"x", rows.x}, {"label", rows.label}}, batch * parts);
  CHECK(value_of(reports.values, "loss") == doctest::Approx(loss).epsilon(1e-6));
  for (auto const& [name, values] : expected) {
    bool const is_state = std::find(states.begin(), states.end(), name) != states.end();
    auto const found = floats(stepped, name), rested = floats(at_rest, name);
    for (size_t i = 0; i < values.size(); ++i) {
      INFO(name, " [", i, "]");
      CHECK(found[i] == doctest::Approx(is_state ? rested[i] : values[i]).epsilon(2e-5));
    }
  }
}

} // namespace

TEST_CASE("a batch norm sees its part, and its averages follow part by part") {
  is_mean_of_parts(head + R"(
  h = x |> dense(7) |> batch_norm |> relu
  logits = dense(h, 3)
)" + tail,
                   {"batch_norm.running_mean", "batch_norm.running_var"});
}

TEST_CASE("a program that is made for each size of batch has parts of that size") {
  is_mean_of_parts(head + R"(
  h = dense(x, 6)
  logits = dense(h, 3)
  loss   cross_entropy(logits, label) + 0.1 * mean(h[::2] ^ 2)
}
)",
                   {});
}

TEST_CASE("a penalty counts once beside what each part gives") {
  is_mean_of_parts(head + R"(
  param scale: f32[48] = ones()
  param shift: f32[48] = ones()
  centered = x - mean(x * scale, 0)
  logits = dense(centered * scale - shift, 3)
  loss   cross_entropy(logits, label) - 0.3 * sum(scale * shift) + 0.1 * sum(scale ^ 2)
}
)",
                   {});
}

TEST_CASE("a loss that divides by a sum over its rows is the mean of those of the parts") {
  is_mean_of_parts(head + R"(
  logits = dense(x, 3)
  each   = log(sum(exp(logits), -1)) - sum(logits * one_hot(label, 3), -1)
  heavy  = f32(label) + 0.5
  loss   sum(each * heavy) / sum(heavy)
}
)",
                   {});
}

TEST_CASE("a loss that is no sum over rows is the mean of those of the parts") {
  is_mean_of_parts(head + R"(
  logits = dense(x, 3)
  loss   sqrt(mean(square(logits - 0.1))) + 0.01 * mean(square(logits))
}
)",
                   {});
}

TEST_CASE("of a last, smaller step the rows that make no whole parts stay out") {
  std::string const model = head + "  logits = dense(x, 3)\n" + tail,
                    block = "minimize loss with sgd(lr = 0.1); order = \"file\"";
  for (auto const& [count, used] : {std::pair(64 + 9, 64 + 8), std::pair(64 + 3, 64), std::pair(64, 64)}) {
    Rows const rows(count);
    Rows shorter(count);
    shorter.x.resize(static_cast<size_t>(used * width));
    shorter.label.resize(static_cast<size_t>(used));
    auto const cut = trained(model, in_parts(block, 8, 4), rows), same = trained(model, in_parts(block, 8, 4), shorter);
    CHECK(cut.digest == same.digest);
  }
}

TEST_CASE("batches of a host are steps in parts, too") {
  std::string const model = head + "  logits = dense(x, 3)\n" + tail,
                    block = "minimize loss with sgd(lr = 0.1); order = \"file\"";
  for (int const count : {64 + 9, 64 + 3, 64}) {
    Rows const rows(count);
    auto const next = [&](std::int64_t, std::int64_t batch, View<Buffer const> buffers) {
      std::int64_t const size = buffers[0].rows, first = batch * size,
                         some = std::clamp<std::int64_t>(count - first, 0, size);
      if (some > 0) {
        std::copy_n(rows.x.begin() + first * width, some * width, buffers[0].as<float>().begin());
        std::copy_n(rows.label.begin() + first, some, buffers[1].as<std::int32_t>().begin());
      }
      return some;
    };
    Session session(Program::from_text(model + "\ntrain net {\n" + in_parts(block, 8, 4) + "\n}\n"));
    TrainOptions options;
    options.epochs = 2;
    session.train(Data::from_batches({{"x", "f32", {width}}, {"label", "i32", {}}}, next), options);
    CHECK(session.digest() == trained(model, in_parts(block, 8, 4), rows).digest);
  }
}

TEST_CASE("what a step in parts cannot be is said") {
  auto const says = [](std::string const& model, std::string const& block) {
    return failure_of([&] { Program::from_text(model + "\ntrain net {\n" + block + "\n}\n"); });
  };
  std::string const plain = head + "  logits = dense(x, 3)\n" + tail;
  CHECK(
      says(plain, "minimize loss with sgd(lr = 0.1); accumulate = 0").find("`accumulate` is 0, expected at least 1") !=
      std::string::npos);
  CHECK(says(plain, "minimize loss with sgd(lr = 0.1); batch = 65536; accumulate = 65536")
            .find("rows are numbered up to") != std::string::npos);
  std::string const carried = head + R"(
  state h: f32[batch, 4] = 0 per epoch
  next = tanh(h + dense(x, 4))
  h <- stop_gradient(next)
  logits = dense(next, 3)
)" + tail;
  CHECK(says(carried, "minimize loss with sgd(lr = 0.1); order = \"stream\"; accumulate = 2").find("the state") !=
        std::string::npos);
  Rows const rows(6);
  CHECK(failure_of([&] {
          trained(plain, in_parts("minimize loss with sgd(lr = 0.1)", 2, 4), rows);
        }).find("larger than") != std::string::npos);
  Session session(
      Program::from_text(plain + "\ntrain net { minimize loss with sgd(lr = 0.1); batch = 2; accumulate = 4 }\n"));
  std::vector<float> const x(static_cast<size_t>(6 * width));
  std::vector<std::int32_t> const label(6);
  CHECK(failure_of([&] { session.step({{"x", x}, {"label", label}}, 6); }).find("4") != std::string::npos);
}

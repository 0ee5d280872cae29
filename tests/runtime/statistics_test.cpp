// Statistics of the training data: against those of a host, where they are kept, and when they are set anew.
#include "nnc/nnc.hpp"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

using namespace nnc;
using namespace nnc::test;

namespace {

constexpr char const* text = R"(
model m {
  input x: f32[batch, 2]
  target y: f32[batch]
  scaled = (x - data_mean(x)) / data_std(x)
  extent = data_largest(x) - data_least(x) + 1
  prediction = concat([scaled, x / extent], axis = 1) |> dense(1)
  output z = scaled
  output missing = data_missing(x) + 0 * sum(x)
  loss mean((prediction[:, 0] - y) ^ 2)
}
train m { minimize loss with sgd(lr = 0.001); batch = 2; epochs = 1; validation = 2 }
)";

struct Numbers {
  std::vector<float> x{1, 10, 2, 10, 3, 10, 6, 10, 100, 100, 200, 200}, y{1, 2, 3, 4, 5, 6};
  Data data() const { return Data::from_columns({column("x", x, {2}), column("y", y)}); }
};

std::vector<float> values(Session const& session, std::string const& name) {
  auto const array = session.parameter(name);
  auto const elements = array.as<float>();
  return {elements.begin(), elements.end()};
}

} // namespace

TEST_CASE("statistics are those of the training rows") {
  Numbers const numbers;
  auto const data = numbers.data();
  auto const program = Program::from_text(text, {.data = data});
  Session session(program);
  CHECK(values(session, "data/x.mean") == std::vector<float>{0, 0});
  CHECK(values(session, "data/x.std") == std::vector<float>{1, 1});
  session.train(data);
  // Of the first four rows: the last two are held back.
  CHECK(values(session, "data/x.mean") == std::vector<float>{3, 10});
  CHECK(values(session, "data/x.std") == std::vector<float>{static_cast<float>(std::sqrt(3.5)), 1}); // a constant has 1
  CHECK(values(session, "data/x.least") == std::vector<float>{1, 10});
  CHECK(values(session, "data/x.largest") == std::vector<float>{6, 10});

  // They are of the training, whatever is evaluated, run or trained on later.
  Numbers other;
  other.x.assign(12, 7);
  session.evaluate(other.data(), Part::all);
  session.train(other.data(), {.more_epochs = 1});
  CHECK(values(session, "data/x.mean") == std::vector<float>{3, 10});
  auto const outputs = session.run(data, Part::all);
  CHECK(outputs[0].as<float>()[1] == 0); // (10 - 10) / 1

  // A checkpoint keeps them, and weights that are loaded bring them along.
  Scratch scratch;
  auto const file = (scratch / "w.safetensors").string();
  session.save(file);
  Session loaded(program);
  loaded.load(file);
  CHECK(values(loaded, "data/x.mean") == std::vector<float>{3, 10});
  loaded.train(other.data());
  CHECK(values(loaded, "data/x.mean") == std::vector<float>{3, 10});
  CHECK(values(loaded, "data/x.std") == values(session, "data/x.std"));
}

TEST_CASE("of a stream nobody knows them but the host") {
  Numbers const numbers;
  auto const program = Program::from_text(text, {.set = {{"validation", "0"}}, .data = numbers.data()});
  std::int64_t given = 0;
  auto const stream = [&] {
    given = 0;
    return Data::from_batches({{"x", "f32", {2}}, {"y", "f32", {}}},
                              [&given](std::int64_t, std::int64_t, View<Buffer const> buffers) {
                                if (given++ == 2) return std::int64_t{0};
                                for (auto const& buffer : buffers) std::memset(buffer.data, 0, buffer.bytes);
                                return std::int64_t{2};
                              },
                              {.own_thread = false});
  };
  Session session(program);
  std::string said;
  try {
    session.train(stream());
  } catch (Failure const& failure) {
    said = failure.what();
  }
  CHECK(said.find("whose 'data/x.mean' nobody knows") != std::string::npos);
  std::vector<float> const mean{5, 6};
  session.set_parameter({"data/x.mean", mean});
  session.train(stream());
  CHECK(values(session, "data/x.mean") == mean);
}

TEST_CASE("what was missing is counted") {
  Scratch scratch;
  Environment const cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  auto const table = scratch.write("a.csv", "a,b,y\n1,2,1\n,2,2\n3,,3\n,4,4\n9,9,5\n9,9,6\n").string();
  auto const data = Data::open("x=" + table + ":a+b,y=" + table + ":y,fill=0");
  auto const program = Program::from_text(text, {.data = data});
  Session session(program);
  session.train(data);
  CHECK(values(session, "data/x.missing") == std::vector<float>{2, 1});
}

TEST_CASE("names of another training are refused, its own are kept in checkpoints") {
  Scratch scratch;
  Environment const cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  constexpr char const* kinds = "model m(classes) {\n  input x: i32[batch]\n  target kind: i32[batch]\n"
                                "  logits = embedding(x, 10, classes)\n  output answer = argmax(logits, axis = 1)\n"
                                "  loss cross_entropy(logits, kind)\n}\ntrain m { minimize loss with sgd(lr = 1); batch = 1 }\n";
  auto const first = scratch.write("a.csv", "x,kind\n1,cat\n2,dog\n3,elk\n").string();
  auto const second = scratch.write("b.csv", "x,kind\n1,dog\n2,elk\n").string();
  auto const data = Data::open(first);
  auto const program = Program::from_text(kinds, {.data = data});
  Session session(program);
  session.train(data);
  auto const says = [](std::function<void()> const& action) {
    try {
      action();
    } catch (Failure const& failure) {
      return std::string(failure.what());
    }
    return std::string("no failure");
  };
  CHECK(says([&] { session.evaluate(Data::open(second), Part::all); }).starts_with(
      "error: the categories of 'kind' are not those that the weights were trained on: number 0 is 'dog', and was 'cat'"));
  auto const like = Data::open(second, {.like = std::make_shared<Data>(data)});
  CHECK(like.names_of("kind") == std::vector<std::string>{"cat", "dog", "elk"});
  session.evaluate(like, Part::all);
  auto const file = (scratch / "w.safetensors").string();
  session.save(file);
  Session loaded(program);
  loaded.load(file);
  CHECK(says([&] { loaded.evaluate(Data::open(second), Part::all); }).find("was 'cat'") != std::string::npos);
  loaded.evaluate(Data::open(second, {.checkpoint = file}), Part::all);
  CHECK(Data::open(second, {.checkpoint = file, .new_classes = true}).names_of("kind") == std::vector<std::string>{"dog", "elk"});
  auto const third = scratch.write("c.csv", "x,kind\n1,cow\n").string();
  CHECK(says([&] { Data::open(third, {.checkpoint = file}); }).find("unknown category 'cow' of 'kind'") != std::string::npos);
}

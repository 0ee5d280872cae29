// Data from memory: what is taken, what is refused, and that it trains as files do.
#include "tests/runtime/models.h"
#include "tests/runtime/small.h"

#include <doctest/doctest.h>

#include <memory>

using namespace nnc;
using namespace nnc::test;

namespace {

bool says(std::string const& text, std::string const& words) { return text.find(words) != std::string::npos; }

// The examples of small_data, as arrays.
struct Arrays {
  std::vector<std::uint8_t> x;
  std::vector<std::int32_t> label;
};

Arrays arrays(std::uint32_t count) {
  Arrays made;
  for (std::uint32_t i = 0; i < count; ++i) {
    bool const first = i * 7 % 5 < 2;
    for (auto const byte : {first ? 100 + i % 20 : i % 30, i % 50, 40 - i % 40})
      made.x.push_back(static_cast<std::uint8_t>(byte));
    made.label.push_back(first);
  }
  return made;
}

Data data_of(Arrays const& a) { return Data::from_columns({column("x", a.x, {3}), column("label", a.label)}); }

} // namespace

TEST_CASE("arrays train to the bits of files") {
  Scratch const scratch;
  auto const files = small_data(scratch, 100);
  auto const a = arrays(100);
  auto const memory = data_of(a);
  CHECK(memory.train_examples() == 100);
  CHECK(memory.test_examples() == 0);
  CHECK(memory.summary() == "memory: 100 examples from memory");
  for (auto const& set : {std::vector<std::pair<std::string, std::string>>{}, {{"validation", "20"}}}) {
    Session from_files(compiled(files, set)), from_memory(compiled(memory, set));
    from_files.train(files);
    from_memory.train(memory);
    CHECK(from_files.digest() == from_memory.digest());
    CHECK(value_of(from_files.evaluate(files, Part::all).values, "loss") ==
          value_of(from_memory.evaluate(memory, Part::all).values, "loss"));
  }
}

TEST_CASE("nothing is copied, and what is in the arrays when a call comes counts") {
  auto a = arrays(100);
  auto const data = data_of(a);
  Session session(compiled(data));
  auto const before = value_of(session.evaluate(data, Part::all).values, "accuracy");
  for (auto& label : a.label) label = 1 - label;
  CHECK(value_of(session.evaluate(data, Part::all).values, "accuracy") == doctest::Approx(1 - before));
}

TEST_CASE("an owner is kept as long as the data are") {
  auto const a = std::make_shared<Arrays const>(arrays(10));
  {
    auto const data = Data::from_columns({column("x", a->x, {3}, a), column("label", a->label, {}, a)}, {}, "shared");
    CHECK(data.name() == "shared");
    CHECK(a.use_count() == 3);
    auto const copy = data;
    CHECK(a.use_count() == 3);
  }
  CHECK(a.use_count() == 1);
}

TEST_CASE("a test split, and every dtype") {
  auto const program = Program::from_text(R"(model m {
    input a: f64[batch]
    input b: f32[batch, 2]
    input c: i64[batch]
    input d: i8[batch]
    input e: bool[batch]
    input f: f16[batch]
    input g: bf16[batch]
    output y = f32(a) + b[:, 0] + f32(c) + f32(d) + f32(e) + f32(f) + f32(g)
  })");
  std::vector<double> const a{0.5, 1};
  std::vector<float> const b{1, 9, 2, 9};
  std::vector<std::int64_t> const c{10, 20};
  std::vector<std::int8_t> const d{-3, 3};
  bool const e[] = {true, false};
  std::vector<f16> const f{{0x3C00}, {0x4000}};  // 1, 2
  std::vector<bf16> const g{{0x3F80}, {0x4000}}; // 1, 2
  auto const data = Data::from_columns({}, {column("a", a),
                                            column("b", b, {2}),
                                            column("c", c),
                                            column("d", d),
                                            {"e", "bool", {2}, e},
                                            column("f", f),
                                            column("g", g)});
  CHECK(data.test_examples() == 2);
  auto const outputs = Session(program).run(data, Part::test);
  auto const y = outputs[0].as<float>();
  CHECK(y[0] == 0.5f + 1 + 10 - 3 + 1 + 1 + 1);
  CHECK(y[1] == 1.0f + 2 + 20 + 3 + 0 + 2 + 2);
}

TEST_CASE("columns that are none are refused with a word for it") {
  auto const a = arrays(4);
  auto const x = column("x", a.x, {3}), label = column("label", a.label);
  auto const refused = [&](std::vector<Column> train, std::string const& words, std::vector<Column> test = {}) {
    try {
      (void)Data::from_columns(std::move(train), std::move(test));
      FAIL("taken: " << words);
    } catch (Failure const& failure) {
      CHECK_MESSAGE(says(failure.what(), words), failure.what());
      CHECK(failure.code == Code::data);
    }
  };
  refused({}, "a data set without columns");
  refused({x, x}, "the column 'x' is given twice");
  refused({{"", "u8", {4}, a.x.data()}}, "a column without a name");
  refused({{"x", "uint8", {4}, a.x.data()}}, "has elements of type 'uint8', expected one of f64, f32,");
  refused({{"x", "u8", {}, a.x.data()}}, "has the shape [], expected examples first");
  refused({{"x", "u8", {4, -3}, a.x.data()}}, "has the shape [4,-3]");
  refused({column("x", a.x, {5})}, "the column 'x' holds no whole number of examples of the shape [5]");
  refused({column("x", a.x, {0})}, "the column 'x' holds no whole number of examples of the shape [0]");
  refused({{"x", "u8", {4, 3}, nullptr}}, "the column 'x' is a null pointer");
  refused({{"x", "f32", {std::int64_t{1} << 40, std::int64_t{1} << 40}, a.x.data()}}, "is too large");
  refused({{"x", "i32", {2}, a.x.data() + 1}}, "the column 'x' is not aligned to the 4 bytes of its elements");
  refused({x, {"label", "i32", {3}, a.label.data()}}, "the column 'label' has 3 examples, and 'x' has 4");
  refused({x, label}, "the column 'x' is u8[4,3] in the training set and u8[6,2] in the test set",
          {{"x", "u8", {6, 2}, a.x.data()}});
}

TEST_CASE("labels out of range and columns that do not fit are errors before anything is trained") {
  auto a = arrays(20);
  a.label[3] = 2;
  auto const bad = data_of(a);
  Session session(compiled(bad));
  auto const text = failure_of([&] { session.train(bad); });
  CHECK_MESSAGE(says(text, "example 3 of column 'label' has 2, expected 0 to 1"), text);
  CHECK(session.step_count() == 0);
  auto const other = Data::from_columns({column("x", a.x, {1, 3}), column("label", a.label)});
  CHECK(
      says(failure_of([&] { session.train(other); }), "expects u8[batch,3], the column 'x' of memory has u8[20,1,3]"));
}

TEST_CASE("columns of another type become the model's where no value changes, and their user is told") {
  auto const program = Program::from_text(R"(model m {
    input a: f32[batch]
    input b: i32[batch]
    input c: f32[batch]
    input d: i64[batch]
    output y = a + f32(b) + c + f32(d)
  })");
  std::vector<double> a{0.1, 2};
  std::vector<std::int64_t> b{7, -8};
  std::vector<std::int32_t> c{16777216, 3}, d{5, 6};
  auto const data = [&] { return Data::from_columns({column("a", a), column("b", b), column("c", c), column("d", d)}); };
  auto const refused = [&] {
    try {
      Session(program).run(data(), Part::all);
    } catch (Failure const& failure) {
      return std::string(failure.what());
    }
    return std::string("no failure");
  };
  auto const good = data();
  CHECK(good.notes().empty());
  auto const y = Session(program).run(good, Part::all)[0];
  CHECK(y.as<float>()[1] == 2.0f - 8 + 3 + 6);
  CHECK(y.as<float>()[0] == 0.1f + 7 + 16777216 + 5);
  REQUIRE(good.notes().size() == 4);
  CHECK(good.notes()[0] == "'a' is f64, and f32 in the model: it is converted");
  b[1] = 3'000'000'000;
  CHECK(refused().find("example 1 of 'b' has 3000000000, which no i32 is") != std::string::npos);
  b[1] = 0;
  c[0] = 16777217;
  CHECK(refused().find("example 0 of 'c' has 16777217, which no f32 is") != std::string::npos);
  // Floats are no integers, and narrow columns stay narrow.
  auto const whole = Program::from_text("model m {\n  input a: i32[batch]\n  output y = a\n}\n");
  auto const wide = Program::from_text("model m {\n  input a: f32[batch]\n  output y = a\n}\n");
  std::vector<std::int8_t> const narrow{1, 2};
  CHECK_THROWS_AS(Session(whole).run(Data::from_columns({column("a", a)}), Part::all), Failure);
  CHECK_THROWS_AS(Session(wide).run(Data::from_columns({column("a", narrow)}), Part::all), Failure);
}

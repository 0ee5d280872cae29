// Outputs over the classes or the vocabulary of the data, and what they say.
#include "nnc/nnc.hpp"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <map>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Desk {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  Data data(std::string const& name, std::string const& content, std::string const& options = "") const {
    return Data::open(scratch.write(name, content).string() + options);
  }
};

// The column behind each output, by its name.
std::map<std::string, std::string> columns(std::vector<Array> const& outputs) {
  std::map<std::string, std::string> all;
  for (auto const& output : outputs) all[output.name] = output.column;
  return all;
}

Array const& output_named(std::vector<Array> const& outputs, std::string const& name) {
  return *std::find_if(outputs.begin(), outputs.end(), [&](Array const& array) { return array.name == name; });
}

} // namespace

TEST_CASE("outputs of an argmax over classes, and floats of as many, are over the classes") {
  Desk const desk;
  auto const data = desk.data("a.csv", "x,size,kind\n1,big,cat\n2,small,dog\n3,big,elk\n4,small,elk\n");
  auto const program = Program::from_text(R"(model m(kind_classes) {
  input x: i32[batch]
  input size: i32[batch]
  target kind: i32[batch]
  logits = embedding(x, 10, kind_classes)
  output probs = softmax(logits)
  output answer = argmax(logits)
  output second = concat([reshape(argmax(logits), [batch, 1]), reshape(i32(argmax(logits)), [batch, 1])], axis = 1)
  output same = size
  output two = embedding(x, 10, 4)
  output count = i32(sum(f32(logits > 0), axis = 1))
  output place = argmax(embedding(x, 10, 7))
  loss cross_entropy(logits, kind)
}
train m { minimize loss with sgd(lr = 1); batch = 2 }
)",
                                          {.data = data});
  Session session(program);
  auto const outputs = session.run(data, Part::all);
  auto const found = columns(outputs);
  CHECK(found.at("probs") == "kind");
  CHECK(found.at("answer") == "kind");
  CHECK(found.at("second") == "kind");
  CHECK(found.at("same") == "size");
  CHECK(found.at("two") == "");
  CHECK(found.at("count") == "");
  CHECK(found.at("place") == "");
  CHECK(session.texts_of(output_named(outputs, "same")) == std::vector<std::string>{"big", "small", "big", "small"});
  auto const answers = output_named(outputs, "answer").as<std::int32_t>();
  auto const names = session.names_of("kind");
  auto const texts = session.texts_of(output_named(outputs, "answer"));
  REQUIRE(texts.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(texts[i] == names[static_cast<size_t>(answers[i])]);
  CHECK(session.texts_of(output_named(outputs, "second")).size() == 8);
  CHECK_THROWS_AS(session.texts_of(output_named(outputs, "count")), Failure);
  CHECK_THROWS_AS(session.texts_of(output_named(outputs, "probs")), Failure);
}

TEST_CASE("a number of names that two columns have says nothing of them") {
  Desk const desk;
  auto const data = desk.data("a.csv", "x,size,kind\n1,big,cat\n2,small,dog\n");
  auto const program = Program::from_text("model m {\n  input x: i32[batch]\n  output answer = argmax(embedding(x, 10, 2))\n}\n",
                                          {.data = data});
  CHECK(columns(Session(program).run(data, Part::all)).at("answer") == "");
}

TEST_CASE("tokens that a loop makes are text") {
  Desk const desk;
  auto const data = desk.data("a.txt", "abcabc\nbca\n", ",as=lines,unit=characters");
  auto const program = Program::from_text(R"(model m(vocab) {
  input text: i32[batch, time]
  first = text[:, 0]
  following = scan t in f32(text)[0, :] carry first {
    next = argmax(embedding(first, vocab, vocab) + t)
    first = next
    emit next
  }
  output told = transpose(following)
  output last = first
  output copied = text[:, 1:3]
  loss mean(f32(first))
}
)",
                                          {.data = data});
  Session session(program);
  auto const outputs = session.run(data, Part::all);
  for (auto const& [name, column] : columns(outputs)) CHECK_MESSAGE(column == "text", name);
  CHECK(session.texts_of(output_named(outputs, "copied")) == std::vector<std::string>{"bc", "ca"});
  CHECK(session.texts_of(output_named(outputs, "told")).size() == 2); // a text for each example
  CHECK(session.texts_of(output_named(outputs, "last")).size() == 2);
}

// The metrics of the library over an epoch of batches, against formulas over all examples at once.
#include "tests/runtime/models.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>
#include <utility>

using namespace nnc;
using namespace nnc::test;

namespace {

constexpr size_t classes = 4, examples = 91; // ten batches of nine, and one example

struct Guesses {
  std::vector<float> logits = std::vector<float>(examples * classes), wanted = std::vector<float>(examples);
  std::vector<std::int32_t> label = std::vector<std::int32_t>(examples);
  std::vector<float> mask = std::vector<float>(examples);
  Guesses() {
    std::uint32_t bits = 3;
    auto const draw = [&] { return static_cast<float>((bits = bits * 1664525 + 1013904223) >> 8) / (1 << 24); };
    for (size_t i = 0; i < examples; ++i) {
      label[i] = std::min(3, static_cast<std::int32_t>(draw() * 4));
      for (size_t k = 0; k < classes; ++k)
        logits[i * classes + k] = 3 * draw() + (static_cast<std::int32_t>(k) == label[i] ? 1.0F : 0.0F);
      wanted[i] = logits[i * classes] + draw();
      mask[i] = draw() < 0.7F ? 1.0F : 0.0F;
    }
  }
  float at(size_t i, size_t k) const { return logits[i * classes + k]; }
  size_t best(size_t i) const {
    size_t best = 0;
    for (size_t k = 1; k < classes; ++k)
      if (at(i, k) > at(i, best)) best = k;
    return best;
  }
  double missed(size_t i) const {
    double sum = 0;
    for (size_t k = 0; k < classes; ++k) sum += std::exp(at(i, k));
    return std::log(sum) - at(i, static_cast<size_t>(label[i]));
  }
};

std::string const net = R"(
model net() {
  input logits: f32[batch, 4]
  input wanted: f32[batch]
  input mask: f32[batch]
  target label: i32[batch]
  param w: f32[] = 0
  loss w * mean(logits)
  confusion = confusion_matrix(logits, label)
  metric confusion rows ["a", "b", "c", "d"] = confusion
  metric precisions = precision(confusion)
  metric recalls = recall(confusion)
  metric f1 = f1_score(confusion)
  metric top = top_k_accuracy(logits, label, 2)
  metric perplexity(logits, label)
  metric masked = perplexity(logits, label, mask > 0)
  metric fit = r2(logits[:, 0], wanted)
  metric area = auc(logits[:, 0] - 2, f32(label == 0))
  for c in range(2) { metric "recall_{c}" = recall(confusion)[c] }
}
train net { minimize loss with sgd(0); batch = 9 }
)";

Table const& table_of(std::vector<Table> const& tables, std::string const& name) {
  return *std::ranges::find(tables, name, &Table::name);
}

} // namespace

TEST_CASE("rows without names are called by the classes of the data, where there are as many") {
  Guesses const guesses;
  auto const plain = Data::from_columns({column("logits", guesses.logits, {4}), column("wanted", guesses.wanted),
                                         column("mask", guesses.mask), column("label", guesses.label)});
  std::vector<std::string> const names{"coat", "bag", "shirt", "boot"}, own{"a", "b", "c", "d"};
  auto const data = plain.with_class_names(names);
  CHECK(plain.class_names().empty());
  CHECK(data.class_names() == names);
  Session session(Program::from_text(net));
  TrainOptions options;
  options.validation = data;
  int heard = 0;
  options.on_epoch = [&](Milestone const& at) {
    for (auto const* tables : {&at.tables, &at.validation_tables}) {
      CHECK(table_of(*tables, "recalls").rows == names);
      CHECK(table_of(*tables, "confusion").rows == own); // the program's
      ++heard;
    }
  };
  session.train(data, options);
  CHECK(heard == 2);
  CHECK(table_of(session.evaluate(data, Part::all).tables, "f1").rows == names);
  CHECK(table_of(session.evaluate(plain, Part::all).tables, "f1").rows.empty());
  auto const three = plain.with_class_names({"x", "y", "z"});
  CHECK(table_of(session.evaluate(three, Part::all).tables, "f1").rows.empty());
}

TEST_CASE("metrics over an epoch are those of all its examples at once") {
  Guesses const guesses;
  auto const data = Data::from_columns({column("logits", guesses.logits, {4}), column("wanted", guesses.wanted),
                                        column("mask", guesses.mask), column("label", guesses.label)});
  Session session(Program::from_text(net));
  TrainOptions options;
  std::vector<Number> values;
  std::vector<Table> tables;
  options.shuffle = false;
  options.on_epoch = [&](Milestone const& at) { values = at.values, tables = at.tables; };
  session.train(data, options);
  auto const evaluated = session.evaluate(data, Part::all);

  std::vector<double> confusion(classes * classes);
  double top = 0, missed = 0, masked = 0, counted = 0, pairs = 0, won = 0, error = 0, spread = 0;
  double const mean = std::accumulate(guesses.wanted.begin(), guesses.wanted.end(), 0.0) / examples;
  for (size_t i = 0; i < examples; ++i) {
    auto const label = static_cast<size_t>(guesses.label[i]);
    ++confusion[label * classes + guesses.best(i)];
    int larger = 0;
    for (size_t k = 0; k < classes; ++k) larger += guesses.at(i, k) > guesses.at(i, label);
    top += larger < 2;
    missed += guesses.missed(i);
    masked += guesses.mask[i] > 0 ? guesses.missed(i) : 0;
    counted += guesses.mask[i];
    error += std::pow(double{guesses.at(i, 0)} - guesses.wanted[i], 2);
    spread += std::pow(guesses.wanted[i] - mean, 2);
    for (size_t k = 0; k < examples; ++k)
      if (guesses.label[i] == 0 && guesses.label[k] != 0) {
        ++pairs;
        won += guesses.at(i, 0) > guesses.at(k, 0) ? 1 : guesses.at(i, 0) == guesses.at(k, 0) ? 0.5 : 0;
      }
  }
  for (auto const* got : {&std::as_const(tables), &evaluated.tables}) {
    CHECK(table_of(*got, "confusion").values == confusion);
    CHECK(table_of(*got, "confusion").shape == std::vector<std::int64_t>{4, 4});
    CHECK(table_of(*got, "confusion").rows == std::vector<std::string>{"a", "b", "c", "d"});
    for (size_t c = 0; c < classes; ++c) {
      double const right = confusion[c * classes + c];
      double row = 0, column = 0;
      for (size_t k = 0; k < classes; ++k) row += confusion[c * classes + k], column += confusion[k * classes + c];
      CHECK(table_of(*got, "precisions").values[c] == doctest::Approx(right / column).epsilon(1e-12));
      CHECK(table_of(*got, "recalls").values[c] == doctest::Approx(right / row).epsilon(1e-12));
      CHECK(table_of(*got, "f1").values[c] == doctest::Approx(2 * right / (row + column)).epsilon(1e-12));
    }
  }
  for (auto const* got : {&std::as_const(values), &evaluated.values}) {
    CHECK(value_of(*got, "top") == doctest::Approx(top / examples).epsilon(1e-6));
    CHECK(value_of(*got, "perplexity") == doctest::Approx(std::exp(missed / examples)).epsilon(1e-6));
    CHECK(value_of(*got, "masked") == doctest::Approx(std::exp(masked / counted)).epsilon(1e-6));
    CHECK(value_of(*got, "fit") == doctest::Approx(1 - error / spread).epsilon(1e-9));
    CHECK(value_of(*got, "area") == doctest::Approx(won / pairs).epsilon(2e-3));
    CHECK(value_of(*got, "recall_1") == table_of(tables, "recalls").values[1]);
  }
}

// Rows that are drawn with replacement, by weights or by classes: how often, and always in the same order.
#include "runtime/random.h"
#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <map>

using namespace nnc;
using namespace nnc::test;

namespace {

// Pearson's statistic of counts against equal or given shares.
double chi_squared(std::vector<double> const& counts, std::vector<double> const& shares) {
  double total = 0, sum = 0;
  for (auto const count : counts) total += count;
  for (size_t i = 0; i < counts.size(); ++i)
    if (shares[i] > 0) sum += (counts[i] - total * shares[i]) * (counts[i] - total * shares[i]) / (total * shares[i]);
  return sum;
}

// 200 rows: x is their number, one in ten has label 1, and the weight of row i is i.
struct Rows {
  std::vector<float> x;
  std::vector<std::int32_t> label;
  std::vector<double> weight;
  Rows() {
    for (int i = 0; i < 200; ++i) {
      x.push_back(static_cast<float>(i));
      label.push_back(i % 10 == 3 ? 7 : 2);
      weight.push_back(i);
    }
  }
  Data data() const {
    return Data::from_columns({column("weight", weight), column("x", x), column("label", label)}, {}, "rows");
  }
};

// The sum of x, and of the labels that are 7, over an epoch.
std::string const text = R"(
model net(bias = 0.0) {
  input x: f32[batch]
  target label: i32[batch]
  param w: f32[] = 0
  loss mean((x * w - f32(label) + bias) ^ 2)
  metric sum_of_x = total(sum(x))
  metric rare = total(sum(f32(label == 7)))
}
)";

Program program_of(Data const& data, std::string const& block) {
  Options options;
  options.data = data;
  return Program::from_text(
      text + "train net { minimize loss with sgd(lr = 1e-9); batch = 8; epochs = 3; " + block + " }\n", options);
}

struct Epoch {
  double sum = 0, rare = 0;
};

std::vector<Epoch> train(Session& session, Data const& data, TrainOptions options = {}) {
  std::vector<Epoch> epochs;
  options.on_epoch = [&](Milestone const& at) {
    epochs.push_back({value_of(at.values, "sum_of_x"), value_of(at.values, "rare")});
  };
  session.train(data, options);
  return epochs;
}

std::string told(std::string const& block, Data const& data, TrainOptions const& options = {}) {
  return failure_of([&] { Session(program_of(data, block)).train(data, options); });
}

} // namespace

// 99.9 % of such statistics with 9 degrees of freedom are below 27.9.
TEST_CASE("rows are drawn in proportion to their weights") {
  std::vector<double> weights, shares, counts(10);
  for (int i = 0; i < 10; ++i) weights.push_back(i), shares.push_back(i / 45.0);
  for (i64 epoch = 1; epoch <= 2000; ++epoch) {
    auto const rows = sampled_rows(weights, 5, epoch);
    REQUIRE(rows.size() == 10);
    for (auto const row : rows) ++counts.at(static_cast<size_t>(row));
  }
  CHECK(counts[0] == 0);
  CHECK(chi_squared(counts, shares) < 27.9);
}

TEST_CASE("every class is as frequent, and so is every row of one") {
  std::vector<std::vector<i32>> const classes{{0}, {1, 2, 3}, {4, 5, 6, 7, 8, 9}};
  std::vector<double> counts(10), shares;
  for (auto const& members : classes)
    for (size_t i = 0; i < members.size(); ++i) shares.push_back(1.0 / 3 / static_cast<double>(members.size()));
  for (i64 epoch = 1; epoch <= 2000; ++epoch)
    for (auto const row : balanced_rows(classes, 5, epoch)) ++counts.at(static_cast<size_t>(row));
  CHECK(chi_squared(counts, shares) < 27.9);
}

TEST_CASE("draws depend on seed, epoch and weights alone") {
  std::vector<double> const weights{1, 0, 2, 0.5, 0, 3, 0};
  auto const rows = sampled_rows(weights, 7, 1);
  CHECK(rows == sampled_rows(weights, 7, 1));
  CHECK(rows != sampled_rows(weights, 7, 2));
  CHECK(rows != sampled_rows(weights, 8, 1));
  std::vector<double> one(1000);
  one[999] = std::numeric_limits<double>::denorm_min();
  CHECK(sampled_rows(one, 1, 1) == std::vector<i32>(1000, 999));
  one[0] = 1e300; // the other one is lost in the sum
  CHECK(sampled_rows(one, 1, 1) == std::vector<i32>(1000, 0));
}

// The order of examples is part of the numerics contract. (From a Philox written anew, in Python.)
TEST_CASE("the draws of ten rows stay what they are") {
  CHECK(sampled_rows(std::vector<double>(10, 1), 0, 1) == std::vector<i32>{5, 3, 8, 8, 5, 9, 9, 0, 5, 9});
  CHECK(balanced_rows({{0, 1, 2, 3, 4, 5, 6, 7}, {8, 9}}, 0, 1) == std::vector<i32>{8, 9, 9, 8, 9, 1, 3, 7, 0, 5});
}

// 200 draws of x with p = x / 19900: mean 133, standard deviation of their sum 14.1 * 47. Of 600 draws, 300 are rare.
TEST_CASE("a training takes what is drawn") {
  Rows const rows;
  auto const data = rows.data();
  Session weighted(program_of(data, "sample = \"weight\"")), balanced(program_of(data, "balance = \"label\"")),
      plain(program_of(data, ""));
  for (auto const& epoch : train(plain, data)) {
    CHECK(epoch.sum == 19900);
    CHECK(epoch.rare == 20);
  }
  for (auto const& epoch : train(weighted, data)) {
    CHECK(epoch.sum > 26600 - 4 * 665);
    CHECK(epoch.sum < 26600 + 4 * 665);
  }
  double rare = 0;
  for (auto const& epoch : train(balanced, data)) rare += epoch.rare;
  CHECK(rare > 300 - 4 * 12.3);
  CHECK(rare < 300 + 4 * 12.3);
}

TEST_CASE("the same draws on any number of threads, and after an interruption in the middle of an epoch") {
  Scratch const scratch;
  Rows const rows;
  auto const data = rows.data();
  for (std::string const block : {"sample = \"weight\"", "balance = \"label\""}) {
    CAPTURE(block);
    auto const program = program_of(data, block);
    Session one(program, {.threads = 1, .seed = 3}), three(program, {.threads = 3, .seed = 3}),
        other(program, {.threads = 1, .seed = 4});
    train(one, data);
    train(three, data);
    train(other, data);
    CHECK(one.digest() == three.digest());
    CHECK(one.digest() != other.digest());
    TrainOptions first, rest;
    first.steps = 31; // of 75
    first.save = rest.save = (scratch / (block.substr(0, 6) + ".safetensors")).string();
    rest.resume = true;
    Session before(program, {.threads = 1, .seed = 3}), after(program);
    train(before, data, first);
    train(after, data, rest);
    CHECK(after.digest() == one.digest());
    // The way of drawing is a fact of the checkpoint.
    auto const plain = program_of(data, "");
    rest.more_epochs = 1;
    Session otherwise(plain);
    auto const text = failure_of([&] { otherwise.train(data, rest); });
    CHECK_MESSAGE(text.find("was written with order = " + block.substr(0, block.find(' '))) != std::string::npos, text);
  }
}

TEST_CASE("what cannot be drawn from") {
  Rows rows;
  auto const refuses = [](std::string const& text, std::string const& expected) {
    CHECK_MESSAGE(text.find(expected) != std::string::npos, text);
  };
  auto const data = rows.data();
  refuses(told("sample = \"wieght\"", data),
          "sample = \"wieght\", and rows has no such column\nhelp: did you mean 'weight'?");
  refuses(told("balance = \"weight\"", data), "the column is f64[200], expected labels, which are integers");
  refuses(told("sample = \"weight\"; balance = \"label\"", data), "`sample` and `balance` both say how rows come");
  refuses(told("sample = \"weight\"; order = \"file\"", data), "`order` and `sample` both say how rows come");
  refuses(told("sample = weight", data), "a string stands in double quotes, `\"weight\"`");
  refuses(told("sample = \"\"", data), "expected the name of a column");
  TrainOptions in_order;
  in_order.shuffle = false;
  refuses(told("sample = \"weight\"", data, in_order),
          "TrainOptions::shuffle = false takes them in the order of the file");
  rows.weight[150] = -1;
  refuses(told("sample = \"weight\"", rows.data()), "row 150 of the column is -1, expected a number from 0 on");
  CHECK(told("sample = \"weight\"; validation = 60", rows.data()) == "no failure"); // rows that are never drawn
  rows.weight[3] = std::nan("");
  refuses(told("sample = \"weight\"", rows.data()), "row 3 of the column is nan");
  rows.weight.assign(200, 0);
  refuses(told("sample = \"weight\"", rows.data()), "the 200 training rows of the column sum to 0");
  auto const next = [](std::int64_t, std::int64_t, View<Buffer const>) -> std::int64_t { return 0; };
  auto const stream = Data::from_batches({{"x", "f32", {}}, {"label", "i32", {}}}, next);
  refuses(told("balance = \"label\"", stream), "nothing can be drawn from the stream");
}

TEST_CASE("weights may be an input as well, and have any type of numbers") {
  Rows const rows;
  std::vector<std::uint8_t> const weight(200, 2);
  auto const data =
      Data::from_columns({column("x", rows.x), column("label", rows.label), column("w", weight)}, {}, "rows");
  Options options;
  options.data = data;
  options.set = {{"sample", "\"w\""}};
  auto const program = Program::from_text(R"(
model net() {
  input x: f32[batch]
  input w: u8[batch]
  target label: i32[batch]
  param p: f32[] = 0
  loss sum(f32(w) * (x * p - f32(label)) ^ 2) / sum(f32(w))
}
train net { minimize loss with sgd(lr = 1e-9); batch = 8; epochs = 1 }
)",
                                          options);
  CHECK(failure_of([&] { Session(program).train(data); }) == "no failure");
}

// Small copies of the three examples (8 hidden units, batches of 4 digits): the compiled training step against the
// reference evaluator, and its gradients against finite differences.
#include "ir/evaluate.h"
#include "runtime/data/dataset.h"
#include "runtime/program.h"
#include "tests/runtime/scratch.h"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

namespace {

using namespace nnc;
using namespace nnc::test;

constexpr i64 batch = 4;

// Batches from the digits that are embedded in nnc.
struct Digits {
  Digits() {
    Environment const data("NNC_DATA", std::nullopt), cache("XDG_CACHE_HOME", "/nowhere");
    split = load_dataset("mnist").train;
  }
  Split split;
  std::vector<Input> batch_at(i64 step) const {
    auto const images = split.column("image")->rows(step * batch, batch).bytes();
    auto const labels = split.column("label")->rows(step * batch, batch).bytes();
    return {{"image", "u8", images.data(), images.size()}, {"label", "i32", labels.data(), labels.size()}};
  }
};

std::string example(std::string const& name) {
  return content_of(std::string(NNC_SOURCE_DIR "/examples/") + name + ".nn");
}

Program small(std::string const& text, std::optional<std::vector<std::string>> passes = {}) {
  Options options;
  options.batch = batch;
  options.set = {{"validation", "0"}, {"steps", "100"}};
  if (text.find("hidden") != std::string::npos) options.set.push_back({"hidden", "8"});
  options.passes = std::move(passes);
  return Program::from_text(text, options, "small.nn");
}

template <class T>
void fill(Tensor& tensor, void const* elements) {
  auto const* from = static_cast<T const*>(elements);
  if (is_float(tensor.dtype)) std::copy_n(from, tensor.f.size(), tensor.f.begin());
  else std::copy_n(from, tensor.i.size(), tensor.i.begin());
}

Tensor tensor_of(DType dtype, std::vector<i64> shape, void const* elements) {
  auto tensor = Tensor::zeros(dtype, std::move(shape));
  if (dtype == DType::f32) fill<f32>(tensor, elements);
  else if (dtype == DType::i32) fill<i32>(tensor, elements);
  else fill<u8>(tensor, elements);
  return tensor;
}

Tensor parameter_of(Session const& session, std::string const& name) {
  auto const array = session.parameter(name);
  return tensor_of(DType::f32, array.shape, array.bytes.data());
}

Tensor number(DType dtype, f64 value) {
  auto tensor = Tensor::zeros(dtype, {});
  if (is_float(dtype)) tensor.f[0] = value;
  else tensor.i[0] = static_cast<i64>(value);
  return tensor;
}

Tensor rows_in_order() {
  auto rows = Tensor::zeros(DType::i32, {batch});
  for (i64 i = 0; i < batch; ++i) rows.i[static_cast<size_t>(i)] = i;
  return rows;
}

// What a function is given: a batch, what is kept (by name), scalars as the session has them, the step.
std::vector<Tensor> arguments_of(Function const& function, std::vector<Input> const& inputs,
                                 std::map<std::string, Tensor> const& kept, Session const& session, i64 step) {
  std::vector<Tensor> arguments;
  for (auto const& argument : function.arguments) {
    auto const& value = function.values[argument.value];
    switch (argument.role) {
    case Role::rows: arguments.push_back(rows_in_order()); break;
    case Role::scalar: arguments.push_back(number(DType::f64, session.scalar(value.name))); break;
    case Role::step: arguments.push_back(number(DType::i64, static_cast<f64>(step))); break;
    case Role::seed: arguments.push_back(number(DType::i64, 0)); break;
    case Role::data:
    case Role::input:
    case Role::target: {
      auto const& input =
          *std::find_if(inputs.begin(), inputs.end(), [&](Input const& i) { return i.name == value.name; });
      auto const shape = value.name == "image" ? std::vector<i64>{batch, 28, 28} : std::vector<i64>{batch};
      arguments.push_back(tensor_of(value.type.dtype, shape, input.data));
      break;
    }
    default: arguments.push_back(kept.at(value.name));
    }
  }
  return arguments;
}

std::map<std::string, Tensor> kept_by(Session const& session, Function const& function) {
  std::map<std::string, Tensor> kept;
  for (auto const& argument : function.arguments)
    if (argument.role == Role::param || argument.role == Role::optimizer || argument.role == Role::state) {
      auto const& name = function.values[argument.value].name;
      kept[name] = parameter_of(session, name);
    }
  return kept;
}

f64 loss_in(Reports const& reports) { return reports.values.at(0).value; }

f64 largest_difference(Tensor const& a, Tensor const& b) {
  f64 most = 0;
  for (size_t i = 0; i < a.f.size(); ++i) most = std::max(most, std::fabs(a.f[i] - b.f[i]));
  return most;
}

f64 inner(Tensor const& a, Tensor const& b) {
  f64 sum = 0;
  for (size_t i = 0; i < a.f.size(); ++i) sum += a.f[i] * b.f[i];
  return sum;
}

// The text with plain gradient descent at a rate of 1 in place of its optimizer: a step then subtracts the gradient.
std::string with_plain_descent(std::string text) {
  auto const from = text.find("with ", text.find("minimize")) + 5;
  auto const to = text.find('\n', from);
  return text.replace(from, to - from, "sgd(lr = 1.0)");
}

} // namespace

// Tolerances. The evaluator rounds each node once, the compiled code adds up 784 products in f32: a logit is off by at
// most some 784 * 2^-24 of the sum of magnitudes, in practice by 1e-6. Losses: relative 1e-5. Weights: Adam divides a
// gradient by its own size, so the relative error of the smallest gradients enters unreduced, times the rate of 1e-3,
// in each of ten steps.
TEST_CASE("ten compiled steps agree with the evaluator") {
  Digits const digits;
  for (std::string const name : {"softmax", "two_layer", "mlp"}) {
    INFO(name);
    auto const program = small(example(name));
    auto const reference = small(example(name), std::vector<std::string>{"differentiate", "assemble_step"});
    auto const& module = Inside::of(reference)->module();
    auto const& step_function = *module.function("train_step");
    Session session(program);
    auto kept = kept_by(session, step_function);
    for (i64 step = 1; step <= 10; ++step) {
      auto const inputs = digits.batch_at(step);
      auto const results = evaluate(module, step_function, arguments_of(step_function, inputs, kept, session, step));
      auto const loss = loss_in(session.step(inputs, batch));
      for (size_t i = 0; i < results.size(); ++i) {
        auto const& result = step_function.results[i];
        if (result.role == Role::loss) CHECK(loss == doctest::Approx(results[i].f[0]).epsilon(1e-5));
        else if (result.role != Role::metric) kept[result.name] = results[i];
      }
    }
    for (auto const& [path, tensor] : kept) {
      INFO(path);
      CHECK(largest_difference(tensor, parameter_of(session, path)) < 2e-5);
    }
  }
}

// The evaluator's `grad` node is a central difference in f64, along one random direction for large parameters: the
// result is then direction * slope, so its inner product with the true gradient is its own squared length. Differences
// are taken with a step of about 1e-5 on a smooth loss: their error is some 1e-6 of the slope; relu's kinks are rarely
// met, not never.
TEST_CASE("gradients agree with finite differences, and compiled ones with exact ones") {
  Digits const digits;
  auto const inputs = digits.batch_at(3);
  for (std::string const name : {"softmax", "two_layer", "mlp"}) {
    INFO(name);
    auto const text = with_plain_descent(example(name));
    auto const differences = small(text, std::vector<std::string>{"dce"});
    auto const graph = small(text, std::vector<std::string>{"dce", "differentiate"});
    auto const& slow = *Inside::of(differences)->module().function("loss");
    auto const& exact = *Inside::of(graph)->module().function("loss");
    Session session(small(text));
    auto const kept = kept_by(session, exact);
    Evaluation how;
    how.exact = true;
    auto const by_difference =
        evaluate(Inside::of(differences)->module(), slow, arguments_of(slow, inputs, kept, session, 1), how);
    auto const by_graph =
        evaluate(Inside::of(graph)->module(), exact, arguments_of(exact, inputs, kept, session, 1), how);
    session.step(inputs, batch);
    int compared = 0;
    for (size_t i = 0; i < exact.results.size(); ++i) {
      auto const& result = exact.results[i];
      if (result.role != Role::gradient) continue;
      INFO(result.name);
      ++compared;
      if (by_graph[i].f.size() > 256) // along one direction
        CHECK(inner(by_graph[i], by_difference[i]) ==
              doctest::Approx(inner(by_difference[i], by_difference[i])).epsilon(1e-4));
      else CHECK(largest_difference(by_graph[i], by_difference[i]) < 1e-6);
      auto stepped = kept.at(result.name);
      auto const now = parameter_of(session, result.name);
      for (size_t j = 0; j < now.f.size(); ++j) stepped.f[j] -= now.f[j];
      // A weight of size 1 minus a gradient, in f32: half of 2^-23 lost.
      CHECK(largest_difference(stepped, by_graph[i]) < 1e-6);
    }
    CHECK(compared >= 2);
  }
}

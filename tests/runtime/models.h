// Small programs and data that the tests of the runtime share.
#pragma once

#include "nnc/nnc.hpp"

#include <string>
#include <vector>

namespace nnc::test {

// Three pixels to two classes, by plain gradient descent.
inline std::string const tiny = R"(model tiny {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train tiny { minimize loss with sgd(lr = 0.5); batch = 4; epochs = 3 }
)";

// Digits by softmax regression.
inline std::string const digits = R"(model digits {
  input  image: u8[batch, 28, 28]
  target label: i32[batch]
  logits = f32(image) / 255 |> flatten |> dense(10)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train digits { minimize loss with adam(lr = 1e-3); batch = 32; epochs = 1 }
)";

// Eight examples whose label is whether the first number is the larger one.
inline std::vector<float> const tiny_x{1, 0, 0, 0, 1, 0, 2, 1, 0, 1, 2, 0, 3, 0, 1, 0, 3, 1, 1, -1, 0, -1, 1, 0};
inline std::vector<std::int32_t> const tiny_label{1, 0, 1, 0, 1, 0, 1, 0};

// What a Failure says of `action`; "no failure" when there is none.
template <class Action>
std::string failure_of(Action&& action) {
  try {
    action();
  } catch (Failure const& failure) {
    return failure.what();
  }
  return "no failure";
}

inline double value_of(std::vector<Number> const& numbers, std::string const& name) {
  for (auto const& number : numbers)
    if (number.name == name) return number.value;
  return -1;
}

} // namespace nnc::test

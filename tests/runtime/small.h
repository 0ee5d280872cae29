// A small data set in IDX files and a program for it.
#pragma once

#include "tests/runtime/models.h"
#include "tests/runtime/scratch.h"

namespace nnc::test {

inline std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// An IDX file of bytes.
inline std::string idx(std::vector<std::uint32_t> const& shape, std::string const& elements) {
  std::string text{0, 0, 8, static_cast<char>(shape.size())};
  for (auto const extent : shape) text += big_endian(extent);
  return text + elements;
}

// `count` examples of three bytes, whose label is whether the first byte is the largest.
inline Data small_data(Scratch const& scratch, std::uint32_t count, char bad_label = 0) {
  std::string pixels, labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    bool const first = i * 7 % 5 < 2;
    pixels +=
        {static_cast<char>(first ? 100 + i % 20 : i % 30), static_cast<char>(i % 50), static_cast<char>(40 - i % 40)};
    labels += static_cast<char>(first);
  }
  if (bad_label && count > 3) labels[3] = bad_label;
  auto const x = scratch.write("x.idx", idx({count, 3}, pixels));
  auto const y = scratch.write("y.idx", idx({count}, labels));
  return Data::open("x=" + x.string() + ",label=" + y.string());
}

inline std::string const small = R"(model small {
  input  x: u8[batch, 3]
  target label: i32[batch]
  logits = f32(x) / 64 |> dense(4) |> tanh |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
train small { minimize loss with adam(lr = 0.01); batch = 8; epochs = 2 }
)";

inline Program compiled(Data const& data, std::vector<std::pair<std::string, std::string>> set = {},
                        std::string const& text = small) {
  Options options;
  options.data = data;
  options.set = std::move(set);
  return Program::from_text(text, options);
}

} // namespace nnc::test

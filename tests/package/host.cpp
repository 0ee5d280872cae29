// A host in C++: it trains on digits, and catches what the library throws.
#include <nnc/nnc.hpp>

#include <cstdio>

int main() {
  try {
    nnc::Program::from_text("model broken {");
    return 1;
  } catch (nnc::Failure const& failure) {
    if (failure.code != nnc::Code::syntax) return 2;
  }
  auto const data = nnc::Data::open("mnist");
  nnc::Options options;
  options.data = data;
  auto const program =
      nnc::Program::from_text("model small {\n  input image: u8[batch, 28, 28]\n  target label: i32[batch]\n"
                              "  logits = f32(image) / 255 |> flatten |> dense(10)\n  output probs = softmax(logits)\n"
                              "  loss cross_entropy(logits, label)\n  metric accuracy(logits, label)\n}\n"
                              "train small { minimize loss with adam(lr = 1e-3); batch = 32; epochs = 3 }\n",
                              options);
  nnc::Session session(program);
  session.train(data);
  double const accuracy = session.evaluate(data, nnc::Part::test).values.back().value;
  std::printf("nnc %s: %.0f %% of the test digits are read right\n", nnc::version(), 100 * accuracy);
  return accuracy > 0.7 ? 0 : 3;
}

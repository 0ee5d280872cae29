// A host program: compiles a network from a string, trains it step by step on buffers of its own, and predicts with it.
//
// tests/CMakeLists.txt builds and runs it; it needs nothing of nnc but runtime/nnc.h and the library nnc_runtime.
//
// The net learns where a point lies: inside or outside of a circle.
#include "runtime/nnc.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

char const* const text = R"(
model circle(hidden = 16) {
  input  point: f32[batch, 2]
  target inside: f32[batch]
  logit = (point |> dense(hidden) |> tanh |> dense(1))[:, 0]
  output probability = sigmoid(logit)
  loss   binary_cross_entropy(logit, inside)
}
train circle { minimize loss with adam(lr = 0.02); batch = 64 }
)";

struct Points {
  std::vector<float> point;  // f32[count, 2]
  std::vector<float> inside; // f32[count]
};

// Points of the square [-1, 1]^2 from a linear congruential generator; half of the square lies inside of the circle.
Points draw(int count, std::uint32_t& state) {
  auto const next = [&] { return static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / float(1 << 23) - 1; };
  Points points;
  for (int i = 0; i < count; ++i) {
    float const x = next(), y = next();
    points.point.insert(points.point.end(), {x, y});
    points.inside.push_back(x * x + y * y < 2 / 3.14159265f ? 1.0f : 0.0f);
  }
  return points;
}

int main() try {
  auto const program = nnc::Program::from_text(text);
  nnc::Session session(program);
  std::uint32_t state = 1;
  for (int step = 1; step <= 2000; ++step) {
    auto const batch = draw(64, state);
    auto const reports = session.step({{"point", batch.point}, {"inside", batch.inside}}, 64);
    if (step % 500 == 0) std::printf("step %4d  loss %.3f\n", step, reports.values[0].value);
    if (step == 1000) session.set_scalar("adam.lr", 0.005); // compiles nothing anew
  }

  int const count = 1000;
  auto const test = draw(count, state);
  auto const outputs = session.run({{"point", test.point}}, count);
  auto const probability = outputs[0].as<float>(); // f32[1000]
  int right = 0;
  for (int i = 0; i < count; ++i) right += (probability[i] > 0.5f) == (test.inside[i] > 0.5f);
  std::printf("%.1f %% of %d new points are right\n", 100.0 * right / count, count);
  return right > 950 ? 0 : 1;
} catch (nnc::Failure const& failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return 1;
}

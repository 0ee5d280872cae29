// A host program: it compiles a network that it carries as text, trains it on points that it draws itself, and then
// asks it about points that the network has never seen.
//
//     cmake --build --preset release --target embed && build/release/embed
//
// The task: is a point of the square inside of a ring around the middle? No straight line tells the two apart.
#include "nnc/nnc.hpp"

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

namespace {

constexpr char const* model = R"(
model ring(hidden = 32) {
  input  point: f32[batch, 2]
  target inside: i32[batch]
  logits = point |> dense(hidden) |> relu |> dense(hidden) |> relu |> dense(2)
  output probability = softmax(logits)
  loss   cross_entropy(logits, inside)
  metric accuracy(logits, inside)
}
train ring { minimize loss with adam(lr = 0.005) }
)";

constexpr std::int64_t batch = 64, steps = 2000, questions = 2000;
constexpr double enough = 0.95; // of the answers; whoever always says "outside" has 0.61

// The caller's own buffers, in the layout of the inputs: f32[batch,2] and i32[batch].
struct Points {
  std::vector<float> point;
  std::vector<std::int32_t> inside;
};

Points draw(std::int64_t count, std::mt19937& random) {
  // Not std::uniform_real_distribution: its numbers differ between standard libraries.
  auto const coordinate = [&] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1; };
  Points drawn;
  for (std::int64_t i = 0; i < count; ++i) {
    float const x = coordinate(), y = coordinate(), square = x * x + y * y;
    drawn.point.insert(drawn.point.end(), {x, y});
    drawn.inside.push_back(square > 0.2f && square < 0.7f);
  }
  return drawn;
}

void train(nnc::Session& session, std::mt19937& random) {
  for (std::int64_t step = 1; step <= steps; ++step) {
    if (step == steps - 500) session.set_scalar("adam.lr", 1e-3); // compiles nothing anew
    auto const drawn = draw(batch, random);
    auto const reports = session.step({{"point", drawn.point}, {"inside", drawn.inside}}, batch);
    if (step == 1 || step % 500 == 0) {
      std::printf("step %4lld", static_cast<long long>(step));
      for (auto const& number : reports.values) std::printf("  %s %.4f", number.name.c_str(), number.value);
      std::printf("\n");
    }
  }
}

// The part of the questions that the network answers as the formula of the ring does.
double correct_answers(nnc::Session& session, std::mt19937& random) {
  auto const asked = draw(questions, random);
  auto const outputs = session.run({{"point", asked.point}}, questions);
  auto const probability = outputs[0].as<float>(); // f32[questions,2]
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < questions; ++i) {
    auto const at = static_cast<std::size_t>(i);
    correct += (probability[2 * at + 1] > 0.5f) == (asked.inside[at] == 1);
  }
  return static_cast<double>(correct) / questions;
}

} // namespace

int main() {
  try {
    nnc::Session session(nnc::Program::from_text(model, {}, "ring.nn"));
    std::mt19937 random(1);
    train(session, random);
    double const correct = correct_answers(session, random);
    std::printf("%.1f %% of %lld new points are told right\n", 100 * correct, static_cast<long long>(questions));
    if (correct >= enough) return 0;
    std::fprintf(stderr, "it has not learned the ring\n");
  } catch (nnc::Failure const& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
  }
  return 1;
}

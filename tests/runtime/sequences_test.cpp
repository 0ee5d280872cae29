// Random sequences of calls: a session that is replaced by a new one with its checkpoint, at any place, goes on to the
// same bits, and so does one whose calls are made by other means.
#include "tests/runtime/models.h"

#include <doctest/doctest.h>

#include <optional>
#include <random>

using namespace nnc;
using namespace nnc::test;

namespace {

std::string const net = R"(model net {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = x |> dense(6) |> batch_norm |> relu |> dropout(0.25) |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
}
train net { minimize loss with adam(lr = linear(0.01, end = 0.001)); batch = 4; epochs = 2; drop_last = false }
)";

// All that a training can keep: an average, states of a pass, phases that count by themselves.
std::string const rich = R"(model net {
  input  x: f32[batch, 3]
  target label: i32[batch]
  state seen: f32[3] = 1 per epoch
  seen <- seen + sum(x, 0)
  logits = x * seen |> dense(6) @body |> batch_norm |> relu |> dropout(0.25) |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
  metric examples = total(f32(batch))
}
train net {
  average with ema(decay = 0.9)
  phase 3 { minimize loss with adam(lr = linear(0.01, end = 0.001)) }
  phase 2 { freeze "batch_norm.*"; minimize loss over "body.*" with sgd(lr = 0.01, momentum = 0.5) }
  batch = 4; epochs = 2; drop_last = false
}
)";

// A rate that looks at the validation split.
std::string const looking = R"(model net {
  input  x: f32[batch, 3]
  target label: i32[batch]
  logits = x |> dense(6) |> relu |> dense(2)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
}
train net {
  minimize loss with sgd(plateau(0.1, loss, factor = 0.9, patience = 0) * minimum(loss, 1))
  batch = 4; epochs = 2; validation = 5
}
)";

struct Set {
  std::vector<float> x;
  std::vector<std::int32_t> label;
  Data data;
  Set(std::int64_t count, std::string const& name)
      : x(3 * static_cast<std::size_t>(count)), label(static_cast<std::size_t>(count)),
        data(Data::from_columns({{"x", "f32", {count, 3}, x.data(), {}}, {"label", "i32", {count}, label.data(), {}}},
                                {}, name)) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 17) / 8 - 1;
    for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<std::int32_t>(i * 7 % 5 < 2);
  }
};

struct Call {
  std::uint64_t kind, set;
  std::int64_t count;
  double number;
};

std::vector<Call> draw(std::mt19937& random) {
  std::vector<Call> calls(3 + random() % 6);
  for (auto& call : calls)
    call = {random() % 6, random() % 2, static_cast<std::int64_t>(1 + random() % 12),
            static_cast<double>(random() % 8)};
  return calls;
}

class Player {
public:
  Player(Program program, std::vector<Set> const& sets)
      : program_(std::move(program)), sets_(sets), session_(program_) {
    session_->set_scalar("steps", 100);
  }

  void play(Call const& call) {
    TrainOptions options;
    auto const& set = sets_[call.set];
    switch (call.kind) {
    case 0:
    case 1:
      options.more_steps = call.count;
      session_->train(set.data, options);
      break;
    case 2:
      options.more_epochs = 1;
      session_->train(set.data, options);
      break;
    case 3: // stopped by the caller, at the first slice
      options.more_epochs = 3;
      options.save_every = call.count; // which ends a slice
      options.on_slice = [&, first = session_->step_count()](Progress const& p) { return p.step < first + call.count; };
      options.log_every = 1; // slices of one step
      session_->train(set.data, options);
      break;
    case 4:
      for (int i = 0; i < call.count % 4; ++i) session_->step(inputs(set), 4);
      break;
    case 5: session_->set_scalar("steps", 100 + call.number);
    }
  }
  void begin_anew() {
    auto const checkpoint = session_->checkpoint();
    session_.emplace(program_);
    session_->restore(checkpoint);
  }
  std::string end() const { return session_->checkpoint(); }

private:
  static std::vector<Input> inputs(Set const& set) {
    return {{"x", View<float const>(set.x.data(), 12)}, {"label", View<std::int32_t const>(set.label.data(), 4)}};
  }
  Program program_;
  std::vector<Set> const& sets_;
  std::optional<Session> session_;
};

} // namespace

TEST_CASE("a checkpoint anywhere in a sequence of calls changes nothing") {
  std::string text;
  SUBCASE("a net") { text = net; }
  SUBCASE("one with all that a training can keep") { text = rich; }
  SUBCASE("one whose rate looks at the validation split") { text = looking; }
  std::vector<Set> sets;
  sets.reserve(2);
  sets.emplace_back(22, "first");
  sets.emplace_back(32, "second");
  auto const program = Program::from_text(text, {.data = sets[0].data});
  std::mt19937 random(5);
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    auto const calls = draw(random);
    Player straight(program, sets), broken(program, sets);
    for (auto const& call : calls) {
      straight.play(call);
      broken.play(call);
      if (random() % 2) broken.begin_anew();
    }
    CHECK(straight.end() == broken.end());
  }
}

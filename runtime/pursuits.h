// What a training looks for on the validation split: the best epoch, and patience.
#pragma once

#include "runtime/session.h"

namespace nnc {

class Pursuits {
public:
  // What the options say, or else the train block. Throws Error for words that are no aim, for what the program does
  // not report, and where nothing is measured.
  Pursuits(CompiledProgram const&, TrainOptions const&, bool has_validation);
  bool any() const { return best_ || patience_; }
  // Of an epoch that was measured. True: it is the best one so far.
  bool judge(std::vector<Number> const& values, i64 epoch);
  i64 judged_epoch() const { return judged_epoch_; } // the last one
  bool is_out_of_patience() const;
  // "EPOCH BEST_EPOCH BEST_VALUE ..." for a checkpoint, and back; a text of other aims changes nothing.
  std::string text() const;
  void read(std::string const&);
  void tell(Trained&) const;

private:
  struct Pursuit { // of one aim
    Aim aim;
    i64 patience = 0; // epochs
    f64 value = 0;
    i64 epoch = 0; // in which it was reached; 0: none yet
    bool take(std::vector<Number> const& values, i64 in_epoch);
  };
  void take_aims(TrainOptions const&, Training const&);
  void expect_measured(Pursuit const&, CompiledProgram const&, bool has_validation) const;

  std::optional<Pursuit> best_, patience_;
  i64 judged_epoch_ = 0;
};

} // namespace nnc

// Anomaly mode does not look at what backward rules are made of, but for those that users wrote.
#pragma once
#include "graph/node.h"

namespace wengert {

// Is this thread running a user's rule of the innermost backward call?
bool in_user_rule();

// Around a backward rule in Python.
class UserRuleScope {
 public:
  UserRuleScope();
  ~UserRuleScope();
  UserRuleScope(const UserRuleScope&) = delete;
  UserRuleScope& operator=(const UserRuleScope&) = delete;

 private:
  const uint32_t outer_;
};

}  // namespace wengert

# flexmix: regressions with constant weights or a multinomial concomitant model.
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "driver.R"))

fit <- function(job) {
  concomitant <- NULL
  if (length(job$gate_columns) > 0) {
    concomitant <- FLXPmultinom(as.formula(paste("~", job_terms(job$gate_columns))))
  }
  flexmix(
    as.formula(paste("y ~", job_terms(job$expert_columns))),
    data = job_frame(job), k = job$n_experts, cluster = job$posterior,
    model = FLXMRglm(family = "gaussian"), concomitant = concomitant,
    control = list(iter.max = 1000, minprior = 0)
  )
}

answer <- function(job, fitted) {
  found <- parameters(fitted)
  last <- nrow(found)
  if (length(job$gate_columns) > 0) {
    gate <- t(parameters(fitted, which = "concomitant"))
  } else {
    gate <- matrix(log(prior(fitted)), ncol = 1)
  }
  list(
    stop = "relative gain below 1e-6",
    iterations = fitted@iter,
    reported = as.numeric(logLik(fitted)),
    parameters = list(
      gate = job_array(gate),
      mean = job_array(t(found[-last, , drop = FALSE])),
      variance = job_array(as.vector(found[last, ]^2))
    )
  )
}

job_run("flexmix", fit, answer)

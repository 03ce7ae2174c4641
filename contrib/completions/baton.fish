# fish completion for baton(1). Written by "npm run generate"; changes here are lost.

# The verb and the operands before the cursor, without options and their values.
function __baton_words
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word --max-wait --only --report -E --error-code --since --limit --outcome --from --for --assume --seed --at --diff --output --group --write -t --target --connect-timeout --socket
            set skip yes
        else if test "$word" = --
            # What follows is for the command of the run.
            printf '%s\n' -- -- --
        else if not string match -q -- '-*' $word
            printf '%s\n' $word
        end
    end
end

function __baton_needs_verb
    test (count (__baton_words)) = 0
end

# True after this verb.
function __baton_verb
    set -l words (__baton_words)
    test "$words[1]" = $argv[1]; and not contains -- -- $words
end

# True where an operand of the verb stands: $argv is the verb, and how many may stand before it.
function __baton_operand
    set -l words (__baton_words)
    test "$words[1]" = $argv[1]; or return 1
    contains -- -- $words; and return 1
    set -l before (math (count $words) - 1)
    test $before -ge $argv[2] -a $before -le $argv[3]
end

complete -c baton -f
complete -c baton -n __baton_needs_verb -a run -d 'queue a run of a target'
complete -c baton -n __baton_needs_verb -a retry -d 'queue failed runs again'
complete -c baton -n __baton_needs_verb -a wait -d 'stream a run from its start and exit with its status'
complete -c baton -n __baton_needs_verb -a logs -d 'print the output of a run'
complete -c baton -n __baton_needs_verb -a cancel -d 'stop a run, or all runs of a target'
complete -c baton -n __baton_needs_verb -a status -d 'show running and queued runs, and how targets last ended'
complete -c baton -n __baton_needs_verb -a why -d 'explain why a run is queued'
complete -c baton -n __baton_needs_verb -a history -d 'list the runs that have ended'
complete -c baton -n __baton_needs_verb -a timeline -d 'draw when targets ran and how they ended'
complete -c baton -n __baton_needs_verb -a plan -d 'predict what crontabs and timers will run'
complete -c baton -n __baton_needs_verb -a report -d 'write an HTML report of past runs'
complete -c baton -n __baton_needs_verb -a metrics -d 'print metrics for monitoring, in OpenMetrics format'
complete -c baton -n __baton_needs_verb -a pause -d 'keep queued runs of a target, a group or all targets from starting'
complete -c baton -n __baton_needs_verb -a resume -d 'end a pause'
complete -c baton -n __baton_needs_verb -a probe -d 'test the SSH connection of a target without running it'
complete -c baton -n __baton_needs_verb -a forget -d 'delete the history of a target that is no longer configured'
complete -c baton -n __baton_needs_verb -a reload -d 'make the daemon reload its configuration'
complete -c baton -n __baton_needs_verb -a doctor -d 'check the whole installation for problems'
complete -c baton -n __baton_needs_verb -a check-crontab -d 'suggest improvements to crontabs'
complete -c baton -n __baton_needs_verb -a import -d 'convert crontabs, or the files of other programs, into targets'
complete -c baton -n __baton_needs_verb -a help -d 'show the help of a command, with examples'
complete -c baton -n __baton_needs_verb -s t -l target -x -a '(baton names targets 2>/dev/null)' -d 'same as baton run TARGET'
complete -c baton -n __baton_needs_verb -s s -l status -d 'same as baton status --json'
complete -c baton -l connect-timeout -x -d 'give up if the daemon cannot be reached for TIME'
complete -c baton -l socket -r -F -d 'socket of the daemon'
complete -c baton -s h -l help -d 'show the help of the command, with examples'
complete -c baton -l version -d 'print the version'
complete -c baton -n '__baton_verb run' -l wait -d 'wait for the run to end'
complete -c baton -n '__baton_verb run' -l quiet-success -d 'with --wait'
complete -c baton -n '__baton_verb run' -l verdict -d 'with --wait'
complete -c baton -n '__baton_verb run' -l max-wait -x -d 'give up with status 75 if the run has not started within TIME'
complete -c baton -n '__baton_verb run' -l only -x -a '(baton names hosts 2>/dev/null)' -d 'run only on these hosts of a fleet'
complete -c baton -n '__baton_verb run' -l failed -d 'run only on those hosts of a fleet where the most recent run failed or was cancelled'
complete -c baton -n '__baton_verb run' -l print-id -d 'print the number of the run'
complete -c baton -n '__baton_verb run' -l report -r -F -d 'write the outcome to FILE as JSON'
complete -c baton -n '__baton_verb run' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand run 0 9998' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb retry' -l failed -d 'retry every target'
complete -c baton -n '__baton_verb retry' -l wait -d 'wait for the runs to end'
complete -c baton -n '__baton_verb retry' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb retry' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand retry 0 0' -a '(baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb wait' -l all -d 'wait until nothing is running or queued'
complete -c baton -n '__baton_verb wait' -l report -r -F -d 'write the outcome to FILE as JSON'
complete -c baton -n '__baton_verb wait' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand wait 0 9998' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb logs' -s f -l follow -d 'keep printing until the run ends'
complete -c baton -n '__baton_operand logs 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_operand cancel 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb status' -s w -l watch -d 'refresh every second until Ctrl-C (on a terminal)'
complete -c baton -n '__baton_verb status' -l json -d 'print the daemon\'s reply as JSON'
complete -c baton -n '__baton_verb why' -l json -d 'print the daemon\'s reply as JSON'
complete -c baton -n '__baton_operand why 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb history' -l limit -x -d 'list at most the N most recent runs'
complete -c baton -n '__baton_verb history' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb history' -l outcome -x -a 'ok warning failed exited signalled timed-out cancelled not-started expired skipped unreachable lost interrupted' -d 'list only runs with this outcome'
complete -c baton -n '__baton_verb history' -l json -d 'print the daemon\'s reply as JSON'
complete -c baton -n '__baton_operand history 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb timeline' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb plan' -l from -x -d 'begin at TIME'
complete -c baton -n '__baton_verb plan' -l for -x -d 'how long to plan'
complete -c baton -n '__baton_verb plan' -l assume -x -d 'assume this duration for each run of TARGET'
complete -c baton -n '__baton_verb plan' -l slow -d 'assume slow runs'
complete -c baton -n '__baton_verb plan' -l worst -d 'simulate the plan 1000 times with random durations'
complete -c baton -n '__baton_verb plan' -l seed -x -d 'seed of the random durations of --worst'
complete -c baton -n '__baton_verb plan' -l at -x -d 'time at which --worst counts running runs'
complete -c baton -n '__baton_verb plan' -l diff -r -F -d 'show what would change with the configuration in CONFIG'
complete -c baton -n '__baton_verb plan' -l html -d 'write the plan as one HTML page'
complete -c baton -n '__baton_verb plan' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb plan' -l json -d 'print one JSON object instead'
complete -c baton -n '__baton_operand plan 0 9998' -F
complete -c baton -n '__baton_verb report' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb report' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb metrics' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb pause' -l group -x -a '(baton names groups 2>/dev/null)' -d 'all targets that have a policy with this group'
complete -c baton -n '__baton_verb pause' -l all -d 'all targets'
complete -c baton -n '__baton_verb pause' -l for -x -d 'resume automatically after TIME'
complete -c baton -n '__baton_operand pause 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb resume' -l group -x -a '(baton names groups 2>/dev/null)' -d 'all targets that have a policy with this group'
complete -c baton -n '__baton_verb resume' -l all -d 'all targets'
complete -c baton -n '__baton_operand resume 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_operand probe 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_operand forget 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb doctor' -l json -d 'print one JSON object instead'
complete -c baton -n '__baton_operand doctor 0 9998' -F
complete -c baton -n '__baton_verb check-crontab' -l json -d 'print one JSON object instead'
complete -c baton -n '__baton_operand check-crontab 0 9998' -F
complete -c baton -n '__baton_verb import' -l write -x -a '(__fish_complete_directories)' -d 'with crontab'
complete -c baton -n '__baton_operand import 0 0' -a 'crontab systemd anacron resticprofile borgmatic rsnapshot py9tor'
complete -c baton -n '__baton_operand import 1 9998' -F
complete -c baton -n '__baton_operand help 0 0' -a 'run retry wait logs cancel status why history timeline plan report metrics pause resume probe forget reload doctor check-crontab import help'

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
complete -c baton -n __baton_needs_verb -a run -d 'ask for a run of a target'
complete -c baton -n __baton_needs_verb -a retry -d 'ask again for what failed'
complete -c baton -n __baton_needs_verb -a wait -d 'relay a run from its start and exit as it did'
complete -c baton -n __baton_needs_verb -a logs -d 'print the output of a run'
complete -c baton -n __baton_needs_verb -a cancel -d 'end a run, or all runs of a target'
complete -c baton -n __baton_needs_verb -a status -d 'show what runs, what waits and why, and how targets last ended'
complete -c baton -n __baton_needs_verb -a why -d 'tell why a run waits'
complete -c baton -n __baton_needs_verb -a history -d 'list the runs that have ended'
complete -c baton -n __baton_needs_verb -a timeline -d 'draw when what ran and how it ended'
complete -c baton -n __baton_needs_verb -a plan -d 'show what crontabs will do before they do it'
complete -c baton -n __baton_needs_verb -a report -d 'write what happened as one HTML page'
complete -c baton -n __baton_needs_verb -a metrics -d 'print what monitoring wants to know, as OpenMetrics'
complete -c baton -n __baton_needs_verb -a pause -d 'let no more runs start: of a target, of a group, or of all'
complete -c baton -n __baton_needs_verb -a resume -d 'let what was paused start again'
complete -c baton -n __baton_needs_verb -a probe -d 'connect as a run of a target would, and run nothing'
complete -c baton -n __baton_needs_verb -a forget -d 'drop the past of a target that is no longer configured'
complete -c baton -n __baton_needs_verb -a reload -d 'let the daemon read its configuration again'
complete -c baton -n __baton_needs_verb -a doctor -d 'look at the whole set-up, say what is wrong and what to do'
complete -c baton -n __baton_needs_verb -a check-crontab -d 'say what crontabs would better say'
complete -c baton -n __baton_needs_verb -a import -d 'make targets of crontabs, or of the files of other programs'
complete -c baton -n __baton_needs_verb -a help -d 'explain a command, with examples'
complete -c baton -n __baton_needs_verb -s t -l target -x -a '(baton names targets 2>/dev/null)' -d 'as baton run TARGET'
complete -c baton -n __baton_needs_verb -s s -l status -d 'as baton status --json'
complete -c baton -l connect-timeout -x -d 'how long the daemon may be away'
complete -c baton -l socket -r -F -d 'the daemon\'s socket'
complete -c baton -s h -l help -d 'explain the command, with examples'
complete -c baton -l version -d 'print the version'
complete -c baton -n '__baton_verb run' -l wait -d 'wait for the end'
complete -c baton -n '__baton_verb run' -l quiet-success -d 'with --wait'
complete -c baton -n '__baton_verb run' -l verdict -d 'with --wait'
complete -c baton -n '__baton_verb run' -l max-wait -x -d 'give up with status 75 if it has not started after TIME'
complete -c baton -n '__baton_verb run' -l only -x -a '(baton names hosts 2>/dev/null)' -d 'of a fleet'
complete -c baton -n '__baton_verb run' -l failed -d 'of a fleet'
complete -c baton -n '__baton_verb run' -l print-id -d 'print the number of the run; only without --wait'
complete -c baton -n '__baton_verb run' -l report -r -F -d 'write how the run ended to FILE'
complete -c baton -n '__baton_verb run' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand run 0 9998' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb retry' -l failed -d 'for every target and its arguments whose latest run failed'
complete -c baton -n '__baton_verb retry' -l wait -d 'wait for the end'
complete -c baton -n '__baton_verb retry' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb retry' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand retry 0 0' -a '(baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb wait' -l all -d 'until nothing runs or waits any more'
complete -c baton -n '__baton_verb wait' -l report -r -F -d 'write how the run ended to FILE'
complete -c baton -n '__baton_verb wait' -s E -l error-code -x -d 'exit with N'
complete -c baton -n '__baton_operand wait 0 9998' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb logs' -s f -l follow -d 'go on until the run has ended'
complete -c baton -n '__baton_operand logs 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_operand cancel 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb status' -s w -l watch -d 'show it anew every second'
complete -c baton -n '__baton_verb status' -l json -d 'print the daemon\'s answer as JSON'
complete -c baton -n '__baton_verb why' -l json -d 'print the daemon\'s answer as JSON'
complete -c baton -n '__baton_operand why 0 0' -a '(baton names targets 2>/dev/null; baton names runs 2>/dev/null)'
complete -c baton -n '__baton_verb history' -l limit -x -d 'no more than the N latest runs'
complete -c baton -n '__baton_verb history' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb history' -l outcome -x -a 'ok warning failed exited signalled timed-out cancelled not-started expired skipped unreachable lost interrupted' -d 'only runs that ended so'
complete -c baton -n '__baton_verb history' -l json -d 'print the daemon\'s answer as JSON'
complete -c baton -n '__baton_operand history 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb timeline' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb plan' -l from -x -d 'begin at TIME'
complete -c baton -n '__baton_verb plan' -l for -x -d 'how long, such as 2h or 7d (pause: resume by itself then, TIME goes on while the machine sleeps; plan: 24h)'
complete -c baton -n '__baton_verb plan' -l assume -x -d 'how long a run of TARGET takes'
complete -c baton -n '__baton_verb plan' -l slow -d 'let each run take the 90th percentile of its past durations instead of the median'
complete -c baton -n '__baton_verb plan' -l worst -d 'play the plan 1000 times with random durations'
complete -c baton -n '__baton_verb plan' -l seed -x -d 'draw the durations of --worst by this number'
complete -c baton -n '__baton_verb plan' -l at -x -d 'the time at which --worst counts what still runs'
complete -c baton -n '__baton_verb plan' -l diff -r -F -d 'show what becomes different with the configuration in CONFIG'
complete -c baton -n '__baton_verb plan' -l html -d 'write the plan as one HTML page'
complete -c baton -n '__baton_verb plan' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb plan' -l json -d 'print the daemon\'s answer as JSON'
complete -c baton -n '__baton_operand plan 0 9998' -F
complete -c baton -n '__baton_verb report' -l since -x -d 'how far back to look'
complete -c baton -n '__baton_verb report' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb metrics' -l output -r -F -d 'write to FILE'
complete -c baton -n '__baton_verb pause' -l group -x -a '(baton names groups 2>/dev/null)' -d 'all targets of the groups of this name'
complete -c baton -n '__baton_verb pause' -l all -d 'all targets'
complete -c baton -n '__baton_verb pause' -l for -x -d 'how long, such as 2h or 7d (pause: resume by itself then, TIME goes on while the machine sleeps; plan: 24h)'
complete -c baton -n '__baton_operand pause 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb resume' -l group -x -a '(baton names groups 2>/dev/null)' -d 'all targets of the groups of this name'
complete -c baton -n '__baton_verb resume' -l all -d 'all targets'
complete -c baton -n '__baton_operand resume 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_operand probe 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_operand forget 0 0' -a '(baton names targets 2>/dev/null)'
complete -c baton -n '__baton_verb doctor' -l json -d 'print one JSON object, as described above'
complete -c baton -n '__baton_operand doctor 0 9998' -F
complete -c baton -n '__baton_verb check-crontab' -l json -d 'print one JSON object, as described above'
complete -c baton -n '__baton_operand check-crontab 0 9998' -F
complete -c baton -n '__baton_verb import' -l write -x -a '(__fish_complete_directories)' -d 'with crontab'
complete -c baton -n '__baton_operand import 0 0' -a 'crontab systemd anacron resticprofile borgmatic rsnapshot py9tor'
complete -c baton -n '__baton_operand import 1 9998' -F
complete -c baton -n '__baton_operand help 0 0' -a 'run retry wait logs cancel status why history timeline plan report metrics pause resume probe forget reload doctor check-crontab import help'

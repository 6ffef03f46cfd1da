# SPDX-License-Identifier: Apache-2.0
# bash completion for kubesimctl(1)

# The first column of a list, with the options that say where the server is.
__kubesimctl_ids() {
    local word options=()
    for word in "${COMP_WORDS[@]}"; do
        case $word in --socket=* | --server=* | --token-file=*) options+=("$word") ;; esac
    done
    kubesimctl "${options[@]}" --no-pager --no-legend --json=off "$1" 2>/dev/null | cut -d ' ' -f 1
}

# The names of the placement algorithms, whichever is chosen.
__kubesimctl_algorithms() {
    local word options=()
    for word in "${COMP_WORDS[@]}"; do
        case $word in --socket=* | --server=* | --token-file=*) options+=("$word") ;; esac
    done
    kubesimctl "${options[@]}" --no-pager --json=off scheduler 2>/dev/null | sed -E 's/^[* ] ([^ ]+).*/\1/'
}

_kubesimctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} verb='' i
    local verbs='status list-nodes list-pods show-node show-pod add-node remove-node stop-node restart-node unplug-node
        plug-node fail-node recover-node list-faults create-pod remove-pod restart-pod scheduler explain capacity compare health watch events
        token proxy kubeconfig version'
    local options='--help --version --socket= --server= --token-file= --agents-dir= --json= --no-legend --no-pager --quiet
        --wait --cpu= --duration= --count= --node= --pod= --follow --role= --prefix= --first=
        --memory= --labels= --taints= --file= --selector= --all --kind= --for= --delay= --period= --seed=
        --what-if --all-nodes --algorithm= --limit= --svg='

    COMPREPLY=()
    case $cur in
        --json=*) mapfile -t COMPREPLY < <(compgen -W 'short pretty off' -- "${cur#*=}"); return ;;
        --algorithm=* | --algorithms=*)
            local given=${cur#*=} before=''
            [[ $given == *,* ]] && before=${given%,*},
            mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(__kubesimctl_algorithms)" -- "${given##*,}")
            return ;;
        --kind=*) mapfile -t COMPREPLY < <(compgen -W 'hang stop slow flap' -- "${cur#*=}"); return ;;
        --*=*) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}"); return ;;
        -*)
            mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
            [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
            return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != '=' && ${COMP_WORDS[i]} != '=' ]] && { verb=${COMP_WORDS[i]}; break; }
    done
    case $verb in
        '') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
        show-node | remove-node | stop-node | restart-node | fail-node | recover-node | plug-node | unplug-node)
            mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_ids list-nodes)" -- "$cur") ;;
        show-pod | remove-pod | restart-pod | explain)
            mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_ids list-pods)" -- "$cur") ;;
        scheduler) mapfile -t COMPREPLY < <(compgen -W "$(__kubesimctl_algorithms)" -- "$cur") ;;
        capacity | compare) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
}

complete -F _kubesimctl kubesimctl

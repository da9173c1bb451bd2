#compdef mct-s2s
# Completion of mct-s2s for zsh. In ~/.zshrc, after compinit:
#   eval "$(mct-s2s completion zsh)"
_mct_s2s() {
    local line
    local -a values descriptions
    local -i files=0
    while IFS= read -r line; do
        if [[ $line == $'\t'* ]]; then
            files=1
            continue
        fi
        values+=("${line%%$'\t'*}")
        if [[ -n ${line#*$'\t'} ]]; then
            descriptions+=("${line%%$'\t'*}  -- ${line#*$'\t'}")
        else
            descriptions+=("${line%%$'\t'*}")
        fi
    done < <(_MCT_S2S_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( files )); then
        _files
    elif (( ${#values} )); then
        compadd -l -d descriptions -M 'm:{a-zA-Z}={A-Za-z}' -a values
    fi
}
if [[ ${funcstack[1]:-} == _mct-s2s ]]; then
    _mct_s2s "$@"
else
    compdef _mct_s2s mct-s2s
fi

#include "bench/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX_BYTES = 1 << 20, DEPTH_MAX = 5, KIDS_MAX = 8 };

/*
 * A record's text, with ' for a quotation mark.  '$' and a letter stand for what
 * differs between records:
 *     b  true or false          d  a small number, mostly of one or two digits
 *     n  a count of 1 to 6      i  an id of 6 to 9 digits
 *     I  an id of 18 digits     e  seconds since 1970
 *     f  a fraction             t  a time of day
 *     c  a colour               h  a commit
 *     l  a login                w  a word
 *     p  a person's name        s  a sentence of 20 to 140 characters
 *     k  records of the same shape, one level down
 * and a digit for one of the shape's parts.
 */
struct document_shape {
	const char *name;
	const char *records[3]; /* each as likely */
	const char *parts[2];
};

static const struct document_shape shapes[] = {
	{.name = "places",
		.records = {"{$0,'population':'$n',$1}",
			"{$0,'elevation':'$d','timezone':{'gmtOffset':$d,'timeZoneId':'$w/$p','dstOffset':$d},$1}",
			"{$0,'population':'$n','bbox':{'east':'$d.$i','south':'$d.$i','north':'$d.$i',"
			"'west':'$d.$i'},'alternateNames':[{'name':'$p','lang':'fr'},{'name':'$p','lang':'de'},"
			"{'name':'$w'}],'wikipedia':'https://en.example.org/wiki/$w','summary':'$s $s',$1}"},
		.parts = {"'geonameId':$i,'name':'$p','toponymName':'$p','lat':'$d.$i','lng':'-$d.$i',"
			  "'countryId':'$i','countryCode':'US','countryName':'$p','fcl':'P','fcode':'PPL'",
			"'adminCode1':'NC','adminName1':'$p','adminId1':'$i','fclName':'city, village',"
			"'score':'$d.$i'"}},
	{.name = "events",
		.records =
			{"{'id':'2$i','type':'PushEvent',$0,'payload':{'push_id':1$i,'size':1,"
			 "'distinct_size':1,'ref':'refs/heads/$w','head':'$h','before':'$h','commits':["
			 "{'sha':'$h','author':{'email':'$l@example.com','name':'$p'},'message':'$s',"
			 "'distinct':$b,'url':'https://api.example.com/repos/$l/$w/commits/$h'}]},$1}",
				"{'id':'2$i','type':'WatchEvent',$0,'payload':{'action':'started'},$1}",
				"{'id':'2$i','type':'IssuesEvent',$0,'payload':{'action':'opened','issue':{"
				"'url':'https://api.example.com/repos/$l/$w/issues/$d','id':$i,'node_id':"
				"'MDU6SXNzdWU$i','number':$n,'title':'$s','user':{'login':'$l','id':$i,"
				"'node_id':'MDQ6VXNl$i','avatar_url':'https://avatars.example.com/u/$i?v=4',"
				"'gravatar_id':'','type':'User','site_admin':$b},'labels':[{'id':$i,"
				"'name':'$w','color':'$c','default':$b,'description':null}],'state':'open',"
				"'locked':false,'assignee':null,'assignees':[],'milestone':null,'comments':$d,"
				"'created_at':'$t','updated_at':'$t','closed_at':null,'author_association':"
				"'NONE','active_lock_reason':null,'body':'$s $s $s'}},$1}"},
		.parts = {"'actor':{'id':$i,'login':'$l','display_login':'$l','gravatar_id':'',"
			  "'url':'https://api.example.com/users/$l',"
			  "'avatar_url':'https://avatars.example.com/u/$i?v=4'},'repo':{'id':$i,"
			  "'name':'$l/$w','url':'https://api.example.com/repos/$l/$w'}",
			"'public':true,'created_at':'$t'"}},
	{.name = "statuses",
		.records = {"{$0,'entities':{'hashtags':[],'symbols':[],'urls':[],'user_mentions':[]},$1}",
			"{$0,'entities':{'hashtags':[{'text':'$w','indices':[$d,$d]}],'symbols':[],'urls':[],"
			"'user_mentions':[{'screen_name':'$l','name':'$p','id':$i,'id_str':'$i',"
			"'indices':[$d,$d]}]},$1}",
			"{$0,'entities':{'hashtags':[],'symbols':[],'urls':[{'url':'http://s.example/$w',"
			"'expanded_url':'http://www.example.com/$w/$w/$i','display_url':'example.com/$w',"
			"'indices':[$d,$d]}],'user_mentions':[]},$1}"},
		.parts = {"'metadata':{'result_type':'recent','iso_language_code':'en'},"
			  "'created_at':'$t','id':$I,'id_str':'$I','text':'$s','source':"
			  "'<a href=http://example.com/download rel=nofollow>Example for Phones</a>',"
			  "'truncated':false,'in_reply_to_status_id':null,'in_reply_to_user_id':null,"
			  "'in_reply_to_screen_name':null,'user':{'id':$i,'id_str':'$i','name':'$p',"
			  "'screen_name':'$l','location':'$w','description':'$s','url':null,"
			  "'entities':{'description':{'urls':[]}},'protected':false,"
			  "'followers_count':$n,'friends_count':$n,'listed_count':$d,'created_at':'$t',"
			  "'favourites_count':$n,'utc_offset':null,'time_zone':null,'geo_enabled':$b,"
			  "'verified':$b,'statuses_count':$n,'lang':'en','contributors_enabled':$b,"
			  "'is_translator':$b,'profile_background_color':'$c',"
			  "'profile_background_image_url':'http://img.example.com/themes/theme$d/bg.png',"
			  "'profile_background_tile':$b,"
			  "'profile_image_url':'http://img.example.com/profile/$I/$w_normal.jpeg',"
			  "'profile_link_color':'$c','profile_sidebar_border_color':'$c',"
			  "'profile_sidebar_fill_color':'$c','profile_text_color':'$c',"
			  "'default_profile':$b,'following':$b,'notifications':$b},'geo':null,"
			  "'coordinates':null,'place':null,'contributors':null",
			"'retweet_count':$d,'favorite_count':$d,'favorited':$b,'retweeted':$b,'lang':'en'"}},
	{.name = "history",
		.records = {"{'name':'$w','kids':[$k],$0}", "{'name':'$w.$w','kids':[$k],$0}",
			"{'name':'$w','kids':[],$0}"},
		.parts = {"'cl_weight':$f,'touches':$d,'min_t':$e,'max_t':$e,'mean_t':$e"}},
};

struct writer {
	const struct document_shape *shape;
	struct rng *rng;
	char *at;
};

const struct document_shape *document_shape_find(const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	return NULL;
}

static void number_write(struct writer *writer, size_t min, size_t max)
{
	writer->at += sprintf(writer->at, "%zu", rng_log_between(writer->rng, min, max));
}

static void letters_write(struct writer *writer, const char *letters, size_t count)
{
	uint32_t kinds = (uint32_t)strlen(letters);

	for (; count > 0; count--)
		*writer->at++ = letters[rng_below(writer->rng, kinds)];
}

static void word_write(struct writer *writer, size_t min, size_t max)
{
	letters_write(writer, "etaoinshrdlucmfw", rng_between(writer->rng, min, max));
}

static void name_write(struct writer *writer)
{
	letters_write(writer, "ABCDEFGHJKLMNPRSTW", 1);
	word_write(writer, 2, 7);
}

static void sentence_write(struct writer *writer)
{
	const char *end = writer->at + rng_between(writer->rng, 20, 130);

	name_write(writer);
	while (writer->at < end) {
		*writer->at++ = ' ';
		word_write(writer, 2, 8);
	}
	*writer->at++ = '.';
}

static void time_write(struct writer *writer)
{
	struct rng *rng = writer->rng;

	writer->at += sprintf(writer->at, "20%02u-%02u-%02uT%02u:%02u:%02uZ", 10 + rng_below(rng, 15),
		1 + rng_below(rng, 12), 1 + rng_below(rng, 28), rng_below(rng, 24), rng_below(rng, 60),
		rng_below(rng, 60));
}

static void record_write(struct writer *writer, unsigned depth);

static void kids_write(struct writer *writer, unsigned depth)
{
	uint32_t count = depth < DEPTH_MAX ? rng_below(writer->rng, KIDS_MAX) : 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			*writer->at++ = ',';
		record_write(writer, depth + 1);
	}
}

static void value_write(struct writer *writer, char kind)
{
	switch (kind) {
	case 'b': writer->at += sprintf(writer->at, rng_below(writer->rng, 2) ? "true" : "false"); break;
	case 'd': number_write(writer, 1, 200); break;
	case 'n': number_write(writer, 1, 500000); break;
	case 'i': number_write(writer, 200000, 200000000); break;
	case 'e': writer->at += sprintf(writer->at, "1%09u", rng_below(writer->rng, 700000000)); break;
	case 'f': writer->at += sprintf(writer->at, "0.%u", 1 + rng_below(writer->rng, 9999)); break;
	case 'I': *writer->at++ = '5'; letters_write(writer, "0123456789", 17); break;
	case 'c': letters_write(writer, "0123456789ABCDEF", 6); break;
	case 'h': letters_write(writer, "0123456789abcdef", 40); break;
	case 'l': word_write(writer, 4, 12); letters_write(writer, "0123456789xyz", 1); break;
	case 'w': word_write(writer, 3, 10); break;
	case 'p': name_write(writer); *writer->at++ = ' '; name_write(writer); break;
	case 's': sentence_write(writer); break;
	case 't': time_write(writer); break;
	default: abort();
	}
}

static void text_write(struct writer *writer, const char *text, unsigned depth)
{
	for (; *text != '\0'; text++) {
		if (*text != '$')
			*writer->at++ = *text == '\'' ? '"' : *text;
		else if (*++text == 'k')
			kids_write(writer, depth);
		else if (*text == '0' || *text == '1')
			text_write(writer, writer->shape->parts[*text - '0'], depth);
		else
			value_write(writer, *text);
	}
}

static void record_write(struct writer *writer, unsigned depth)
{
	text_write(writer, writer->shape->records[rng_below(writer->rng, 3)], depth);
}

char *document_new(const struct document_shape *shape, struct rng *rng, size_t bytes)
{
	char *text = needed(malloc(bytes + RECORD_MAX_BYTES));
	struct writer writer = {shape, rng, text};

	*writer.at++ = '[';
	while (writer.at < text + bytes) {
		record_write(&writer, 0);
		*writer.at++ = ',';
	}
	writer.at[-1] = ']';
	*writer.at++ = '\0';
	return needed(realloc(text, (size_t)(writer.at - text)));
}
